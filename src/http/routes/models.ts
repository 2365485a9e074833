import type { FastifyInstance } from 'fastify'
import { resolveModel } from '../../engine/prepare.ts'
import type { HttpParts } from '../parts.ts'

/** How long providers are waited for when they are asked what they have. */
const LIST_MS_MAX = 3000

/** `GET /models` and `GET /models/{id}`. */
export function modelRoutes(app: FastifyInstance, { catalogue }: HttpParts): void {
  app.get('/models', async () => {
    const models = await catalogue.list(AbortSignal.timeout(LIST_MS_MAX))
    return { object: 'list', data: models.map(({ id, owner }) => toModel(id, owner)) }
  })

  app.get<{ Params: { '*': string } }>('/models/*', async (request) => {
    const id = request.params['*']
    return toModel(id, resolveModel(catalogue, id).adapter.id)
  })
}

function toModel(id: string, owner: string): object {
  return { id, object: 'model', created: 0, owned_by: owner }
}
