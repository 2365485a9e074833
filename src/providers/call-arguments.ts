import { isJsonObject, parseJson, type JsonObject } from '../protocol/json.ts'

/** Arguments as text; providers that send an object mean its JSON. */
export function argumentsText(value: unknown): string {
  if (typeof value === 'string') return value
  return value == null ? '' : JSON.stringify(value)
}

/** Arguments for providers that take an object alone: text that is none is kept under a name of its own. */
export function argumentsObject(text: string): JsonObject {
  if (text.trim() === '') return {}
  const value = parseJson(text)
  return isJsonObject(value) ? value : { arguments: text }
}
