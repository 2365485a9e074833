import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts'

/** Deepest schema that is filled in: beyond it, everything is null. */
const DEPTH_MAX = 16

/**
 * A value that a JSON Schema accepts, the same every time: defaults and first choices where there are
 * any, `hint` for free text, the smallest number allowed. Knows the keywords that tool and answer
 * schemas use; a schema beyond those gets its best try.
 */
export function exampleValue(schema: unknown, hint: string, root: unknown = schema, depth = 0): JsonValue {
  if (!isJsonObject(schema) || depth > DEPTH_MAX) return null
  const reference = schema['$ref']
  if (typeof reference === 'string') return exampleValue(resolve(root, reference), hint, root, depth + 1)
  for (const key of ['const', 'default'] as const) if (schema[key] !== undefined) return schema[key]
  const choices = schema['enum']
  if (isList(choices)) return choices[0] ?? null
  const variants = schema['anyOf'] ?? schema['oneOf'] ?? schema['allOf']
  if (isList(variants)) return exampleValue(variants[0], hint, root, depth + 1)
  return exampleOfType(schema, hint, root, depth)
}

function exampleOfType(schema: JsonObject, hint: string, root: unknown, depth: number): JsonValue {
  const given = schema['type']
  const type = isList(given) ? given[0] : (given ?? (schema['properties'] === undefined ? 'string' : 'object'))
  switch (type) {
    case 'object':
      return exampleObject(schema, hint, root, depth)
    case 'array':
      return Array.from({ length: Math.max(1, numberIn(schema, 'minItems')) }, () =>
        exampleValue(schema['items'], hint, root, depth + 1),
      )
    case 'integer':
    case 'number':
      return numberIn(schema, 'minimum')
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return exampleText(schema, hint)
  }
}

function exampleObject(schema: JsonObject, hint: string, root: unknown, depth: number): JsonValue {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {}
  return Object.fromEntries(
    Object.entries(properties).map(([key, property]) => [key, exampleValue(property, hint, root, depth + 1)]),
  )
}

const FORMATS: Readonly<Record<string, string>> = {
  date: '2026-01-01',
  'date-time': '2026-01-01T00:00:00Z',
  time: '00:00:00Z',
  email: 'someone@example.com',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
  ipv4: '192.0.2.1',
}

function exampleText(schema: JsonObject, hint: string): string {
  const format = schema['format']
  const known = typeof format === 'string' ? FORMATS[format] : undefined
  const longest = numberIn(schema, 'maxLength') || hint.length
  return known ?? hint.slice(0, longest).padEnd(numberIn(schema, 'minLength'), '.')
}

function numberIn(schema: JsonObject, key: string): number {
  const value = schema[key]
  return typeof value === 'number' ? value : 0
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
