import type { FastifyInstance } from 'fastify'
import { buildOpenApi } from '../../protocol/openapi.ts'
import type { HttpParts } from '../parts.ts'
import { docsPage } from '../docs-page.ts'

/** What needs no key: health, the description of the API, its page, and the metrics where they are on. */
export function metaRoutes(app: FastifyInstance, { store, metrics, version, isReady }: HttpParts): void {
  app.get('/live', async () => ({ status: 'ok' }))

  app.get('/ready', async (_, reply) => {
    const isStoreUp = await store.ping().then(
      () => true,
      () => false,
    )
    if (isReady() && isStoreUp) return { status: 'ok' }
    return reply.code(503).send({ status: isReady() ? 'storage unavailable' : 'draining' })
  })

  app.get('/openapi.json', async () => buildOpenApi(version))

  app.get('/docs', async (_, reply) => reply.type('text/html; charset=utf-8').send(docsPage(buildOpenApi(version))))

  const { expose } = metrics
  if (expose === undefined) return
  app.get('/metrics', async (_, reply) => {
    const { contentType, text } = await expose()
    return reply.type(contentType).send(text)
  })
}
