import type { ModelCall } from '../core/model-call.ts'
import type { JsonObject, JsonValue } from '../protocol/json.ts'

/** A field for a body that is spread into it: nothing where it was not given. */
export function given(field: string, value: JsonValue | undefined): JsonObject {
  return value === undefined ? {} : { [field]: value }
}

/** The settings of sampling that nearly all providers have, under the same names. */
export function sampling(call: ModelCall): JsonObject {
  return {
    ...given('temperature', call.temperature),
    ...given('presence_penalty', call.presencePenalty),
    ...given('frequency_penalty', call.frequencyPenalty),
    ...given('seed', call.seed),
  }
}
