import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts'

/** Deepest schema that is filled in: beyond it, everything is null. */
const DEPTH_MAX = 16

/** Most values that one example holds: a schema that refers to itself would go on for ever. */
const VALUES_MAX = 1000

/** Longest text that a schema may ask for, in characters, and longest list. */
const TEXT_CHARS_MAX = 10_000
const LIST_ITEMS_MAX = 100

/** What filling in one schema needs to know. */
interface Filling {
  readonly root: unknown
  readonly hint: string
  valuesLeft: number
}

/**
 * A value that a JSON Schema accepts, the same every time: defaults and first choices where there are
 * any, `hint` for free text, the smallest number allowed. Knows the keywords that tool and answer
 * schemas use; a schema beyond those, or beyond the limits above, gets its best try.
 */
export function exampleValue(schema: unknown, hint: string): JsonValue {
  return fill(schema, { root: schema, hint, valuesLeft: VALUES_MAX }, 0)
}

function fill(schema: unknown, filling: Filling, depth: number): JsonValue {
  filling.valuesLeft--
  if (!isJsonObject(schema) || depth > DEPTH_MAX || filling.valuesLeft < 0) return null
  const reference = schema['$ref']
  if (typeof reference === 'string') return fill(resolve(filling.root, reference), filling, depth + 1)
  for (const key of ['const', 'default'] as const) if (schema[key] !== undefined) return schema[key]
  const choices = schema['enum']
  if (isList(choices)) return choices[0] ?? null
  const variants = schema['anyOf'] ?? schema['oneOf'] ?? schema['allOf']
  if (isList(variants)) return fill(variants[0], filling, depth + 1)
  return fillType(schema, filling, depth)
}

function fillType(schema: JsonObject, filling: Filling, depth: number): JsonValue {
  const given = schema['type']
  const type = isList(given) ? given[0] : (given ?? (schema['properties'] === undefined ? 'string' : 'object'))
  switch (type) {
    case 'object':
      return fillObject(schema, filling, depth)
    case 'array':
      return fillList(schema, filling, depth)
    case 'integer':
      return exampleNumber(schema, Number.isInteger)
    case 'number':
      return exampleNumber(schema, Number.isFinite)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return exampleText(schema, filling.hint)
  }
}

function fillObject(schema: JsonObject, filling: Filling, depth: number): JsonValue {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {}
  return Object.fromEntries(
    Object.entries(properties).map(([key, property]) => [key, fill(property, filling, depth + 1)]),
  )
}

function fillList(schema: JsonObject, filling: Filling, depth: number): JsonValue {
  const wanted = Math.max(1, numberIn(schema, 'minItems') ?? 0)
  const most = Math.min(LIST_ITEMS_MAX, Math.max(0, filling.valuesLeft))
  const length = Math.min(wanted, numberIn(schema, 'maxItems') ?? wanted, most)
  return Array.from({ length }, () => fill(schema['items'], filling, depth + 1))
}

/** The smallest number allowed, or 0, or the greatest: the first of them that keeps within the bounds. */
function exampleNumber(schema: JsonObject, isOfType: (value: number) => boolean): number {
  const least = numberIn(schema, 'minimum') ?? -Infinity
  const above = numberIn(schema, 'exclusiveMinimum') ?? -Infinity
  const most = numberIn(schema, 'maximum') ?? Infinity
  const below = numberIn(schema, 'exclusiveMaximum') ?? Infinity
  const between = (Math.max(least, above) + Math.min(most, below)) / 2
  const isAllowed = (value: number) =>
    value >= least && value > above && value <= most && value < below && isOfType(value)
  const round = [Math.ceil(least), Math.floor(above) + 1, 0, Math.floor(most), Math.ceil(below) - 1]
  return [least, ...round, between].filter(Number.isFinite).find(isAllowed) ?? 0
}

const FORMATS: ReadonlyMap<JsonValue | undefined, string> = new Map([
  ['date', '2026-01-01'],
  ['date-time', '2026-01-01T00:00:00Z'],
  ['time', '00:00:00Z'],
  ['email', 'someone@example.com'],
  ['uri', 'https://example.com/'],
  ['uuid', '00000000-0000-4000-8000-000000000000'],
  ['ipv4', '192.0.2.1'],
])

/** Lengths count characters, not UTF-16 units. */
function exampleText(schema: JsonObject, hint: string): string {
  const known = FORMATS.get(schema['format'])
  if (known !== undefined) return known
  const letters = [...hint].slice(0, numberIn(schema, 'maxLength'))
  const missing = Math.min(numberIn(schema, 'minLength') ?? 0, TEXT_CHARS_MAX) - letters.length
  return letters.join('') + '.'.repeat(Math.max(0, missing))
}

function numberIn(schema: JsonObject, key: string): number | undefined {
  const value = schema[key]
  return typeof value === 'number' ? value : undefined
}

/** Follows a local reference such as `#/$defs/Color`. */
function resolve(root: unknown, reference: string): unknown {
  return reference
    .split('/')
    .slice(1)
    .reduce<unknown>((at, key) => (isJsonObject(at) ? at[key] : undefined), root)
}

function isList(value: unknown): value is readonly JsonValue[] {
  return Array.isArray(value)
}
