import type { JsonObject, JsonValue } from '../protocol/json.ts'

/** A field for a body that is spread into it: nothing where it was not given. */
export function given(field: string, value: JsonValue | undefined): JsonObject {
  return value === undefined ? {} : { [field]: value }
}
