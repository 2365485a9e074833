import type { ModelCall } from '../../core/model-call.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { clampEffort } from '../effort.ts'
import { given, sampling } from '../given.ts'
import { buildInput } from './input.ts'
import { asksForSeals, type Quirks } from './tables.ts'
import { buildTools } from './tools.ts'

/** A body for POST /responses, and what had to be changed in it. */
export interface ResponsesRequest {
  readonly body: JsonObject
  readonly warnings: readonly string[]
}

/**
 * Translates a call that holds nothing that the dialect lacks: the whole history each time, nothing stored there.
 * Deterministic and append-only: a longer thread begins with the same input, so that the provider's cache holds.
 */
export function buildResponsesRequest(call: ModelCall, quirks: Quirks): ResponsesRequest {
  const { wire: reasoning, warnings } = buildReasoning(call, quirks)
  const body: JsonObject = {
    model: call.model,
    store: false,
    ...(call.canStream ? { stream: true } : {}),
    ...given('instructions', call.instructions),
    ...buildTools(call, quirks),
    ...buildInclude(call, quirks),
    ...given('max_output_tokens', call.maxOutputTokens),
    ...sampling(call),
    ...given('top_p', call.topP),
    ...given('user', call.user),
    ...given('safety_identifier', call.safetyIdentifier),
    ...given('prompt_cache_key', call.promptCacheKey),
    ...given('service_tier', call.serviceTier),
    ...reasoning,
    ...buildText(call, quirks),
    input: buildInput(call.history, quirks),
  }
  return { body, warnings }
}

function buildInclude(call: ModelCall, quirks: Quirks): JsonObject {
  const wantsLogprobs = call.topLogprobs !== undefined
  const include = [
    ...(asksForSeals(quirks, call) ? ['reasoning.encrypted_content'] : []),
    ...(wantsLogprobs && quirks.logprobs === 'include' ? ['message.output_text.logprobs'] : []),
  ]
  return {
    ...(include.length === 0 ? {} : { include }),
    ...(wantsLogprobs && quirks.logprobs === 'logprobs' ? { logprobs: true } : {}),
    ...given('top_logprobs', call.topLogprobs || undefined),
  }
}

function buildReasoning({ effort: wanted, summary }: ModelCall, { efforts }: Quirks) {
  const { effort, warnings } = wanted === undefined ? { effort: undefined, warnings: [] } : clampEffort(wanted, efforts)
  const reasoning = { ...given('effort', effort), ...given('summary', summary) }
  return { wire: Object.keys(reasoning).length === 0 ? {} : { reasoning }, warnings }
}

function buildText({ format, verbosity }: ModelCall, quirks: Quirks): JsonObject {
  if (format.type === 'text' && verbosity === undefined) return {}
  return { text: { format: buildFormat(format, quirks), ...given('verbosity', verbosity) } }
}

/** JSON without a schema is, where only schemas are kept to, an object of any fields. */
function buildFormat(format: ModelCall['format'], { formats }: Quirks): JsonObject {
  if (format.type === 'text') return { type: 'text' }
  if (format.type === 'json_object') {
    const anyObject = { type: 'json_schema', name: 'object', schema: { type: 'object' } }
    return formats === 'schemas alone' ? anyObject : { type: 'json_object' }
  }
  const { type, name, schema, description, strict } = format
  return {
    type,
    name,
    ...given('description', description ?? undefined),
    schema: schema as JsonObject, // Schemas come from JSON.
    ...given('strict', strict ?? undefined),
  }
}
