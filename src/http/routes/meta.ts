import type { FastifyInstance } from 'fastify'
import { buildOpenApi } from '../../protocol/openapi.ts'
import type { HttpParts } from '../parts.ts'
import { docsPage } from '../docs-page.ts'

/** What needs no key and every server has: health, and the metrics where they are on. */
export function probeRoutes(app: FastifyInstance, { store, metrics, stage }: HttpParts): void {
  app.get('/live', async () => ({ status: 'ok' }))

  app.get('/ready', async (_, reply) => {
    const isStoreUp = await store.ping().then(
      () => true,
      () => false,
    )
    const phase = stage.phase()
    if (phase === 'starting') return reply.code(503).send({ status: 'starting' })
    if (phase !== 'ready') return reply.code(503).send({ status: 'draining' })
    return isStoreUp ? { status: 'ok' } : reply.code(503).send({ status: 'storage unavailable' })
  })

  const { expose } = metrics
  if (expose === undefined) return
  app.get('/metrics', async (_, reply) => {
    const { contentType, text } = await expose()
    return reply.type(contentType).send(text)
  })
}

/** The description of the API, and its page. */
export function metaRoutes(app: FastifyInstance, { version }: HttpParts): void {
  app.get('/openapi.json', async () => buildOpenApi(version))

  app.get('/docs', async (_, reply) => reply.type('text/html; charset=utf-8').send(docsPage(buildOpenApi(version))))
}
