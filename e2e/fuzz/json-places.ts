import { isJsonObject, type JsonObject, type JsonValue } from '../../src/protocol/json.ts'

/** The way from a value to one inside it. */
export type Place = readonly (string | number)[]

/** Every place of a value, the whole first. */
export function places(value: JsonValue, from: Place = []): Place[] {
  return [from, ...entriesOf(value).flatMap(([key, inner]) => places(inner, [...from, key]))]
}

function entriesOf(value: JsonValue): (readonly [string | number, JsonValue])[] {
  if (Array.isArray(value)) return value.map((item: JsonValue, index) => [index, item] as const)
  return isJsonObject(value) ? Object.entries(value) : []
}

/** What stands at a place; undefined where there is none. */
export function valueAt(value: JsonValue | undefined, place: Place): JsonValue | undefined {
  return place.reduce<JsonValue | undefined>((at, key) => {
    if (Array.isArray(at)) return at[Number(key)] as JsonValue | undefined // An item, or beyond the end.
    return isJsonObject(at) ? at[key] : undefined
  }, value)
}

/** The value with what stands at a place made into something else; undefined leaves it out. */
export function changedAt(
  value: JsonValue,
  [key, ...rest]: Place,
  change: (old: JsonValue) => JsonValue | undefined,
): JsonValue | undefined {
  if (key === undefined) return change(value)
  if (Array.isArray(value)) {
    return value.flatMap((item: JsonValue, index) => {
      const next = index === key ? changedAt(item, rest, change) : item
      return next === undefined ? [] : [next]
    })
  }
  if (!isJsonObject(value)) return value
  const entries = Object.entries(value).flatMap(([name, item]): [string, JsonValue][] => {
    const next = name === key ? changedAt(item, rest, change) : item
    return next === undefined ? [] : [[name, next]]
  })
  return Object.fromEntries(entries) satisfies JsonObject
}
