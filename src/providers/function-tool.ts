import type { CallableTool } from '../core/model-call.ts'
import type { JsonObject } from '../protocol/json.ts'
import { given } from './given.ts'

/** A function as OpenAI worded it first, for providers that need its parameters: without any, an empty object. */
export function functionTool({ name, description, parameters }: CallableTool): JsonObject {
  // Parameters come from JSON.
  const schema = (parameters as JsonObject | undefined) ?? { type: 'object', properties: {} }
  return { type: 'function', function: { name, ...given('description', description), parameters: schema } }
}
