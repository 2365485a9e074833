import { isJsonObject } from '../protocol/json.ts'

/** The names in a list of models as OpenAI words it: `{ data: [{ id }] }`. */
export function readModelList(body: unknown): readonly string[] {
  const data = isJsonObject(body) && Array.isArray(body['data']) ? body['data'] : []
  return data.flatMap((model: unknown) => (isJsonObject(model) && typeof model['id'] === 'string' ? [model['id']] : []))
}

/** The names in a list of models as others word it: `{ models: [{ name }] }`. */
export function readNamedModels(body: unknown): readonly string[] {
  const models = isJsonObject(body) && Array.isArray(body['models']) ? body['models'] : []
  return models.flatMap((model: unknown) =>
    isJsonObject(model) && typeof model['name'] === 'string' ? [model['name']] : [],
  )
}
