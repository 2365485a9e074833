import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts'
import type { AnyObject } from '../../protocol/optional.ts'

/** A schema as the provider can enforce it. */
export interface EnforcedSchema {
  readonly schema: JsonObject
  /** Keywords that it does not enforce: they stand in the descriptions instead. */
  readonly left: ReadonlySet<string>
  /** Properties that may be absent, and those of several types: of both there may be so many. */
  readonly optional: number
  readonly unions: number
}

/** Whether the provider enforces all of a schema. */
export function keepsTo(schema: AnyObject | undefined): true | 'in part' {
  return schema === undefined || enforce(schema as JsonObject).left.size === 0 || 'in part' // Schemas come from JSON.
}

/** Constraints of values that the provider refuses. */
const UNENFORCED: ReadonlySet<string> = new Set([
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
])

const FORMATS: ReadonlySet<JsonValue> = new Set([
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'uri',
  'ipv4',
  'ipv6',
  'uuid',
])

interface Tally {
  readonly left: Set<string>
  optional: number
  unions: number
}

/**
 * Narrows a schema to what the provider enforces: its answers still satisfy the whole schema, but for constraints of
 * values, which the model is told of in the descriptions. What it refuses beyond that, it says itself.
 *
 * @see https://platform.claude.com/docs/en/build-with-claude/structured-outputs (read 2026-11-22)
 */
export function enforce(schema: JsonObject): EnforcedSchema {
  const tally: Tally = { left: new Set(), optional: 0, unions: 0 }
  return { schema: narrow(schema, tally), ...tally }
}

function narrow(schema: JsonObject, tally: Tally): JsonObject {
  const kept: [string, JsonValue][] = []
  const hints: string[] = []
  for (const [keyword, value] of Object.entries(schema)) {
    if (isEnforced(keyword, value)) {
      kept.push(narrowKeyword(keyword, value, tally))
    } else {
      hints.push(`${keyword} ${JSON.stringify(value)}`)
      tally.left.add(keyword)
    }
  }
  count(schema, tally)
  const narrowed: JsonObject = Object.fromEntries(kept)
  return { ...narrowed, ...closing(narrowed), ...described(narrowed, hints) }
}

function isEnforced(keyword: string, value: JsonValue): boolean {
  if (keyword === 'format') return FORMATS.has(value)
  if (keyword === 'minItems') return value === 0 || value === 1
  return !UNENFORCED.has(keyword)
}

/** Where schemas stand within a schema: as a value, in a list, by name. */
const NESTED: ReadonlyMap<string, 'one' | 'list' | 'named'> = new Map([
  ['items', 'one'],
  ['additionalProperties', 'one'],
  ['anyOf', 'list'],
  ['oneOf', 'list'],
  ['allOf', 'list'],
  ['properties', 'named'],
  ['$defs', 'named'],
  ['definitions', 'named'],
])

function narrowKeyword(keyword: string, value: JsonValue, tally: Tally): [string, JsonValue] {
  const within = (nested: JsonValue) => (isJsonObject(nested) ? narrow(nested, tally) : nested)
  const name = keyword === 'oneOf' ? 'anyOf' : keyword
  switch (NESTED.get(keyword)) {
    case 'one':
      return [name, within(value)]
    case 'list':
      return [name, Array.isArray(value) ? value.map(within) : value]
    case 'named':
      return [name, isJsonObject(value) ? mapValues(value, within) : value]
    default:
      return [name, value]
  }
}

function mapValues(object: JsonObject, change: (value: JsonValue) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]))
}

function count({ properties, required }: JsonObject, tally: Tally): void {
  if (!isJsonObject(properties)) return
  const needed: ReadonlySet<JsonValue> = new Set(Array.isArray(required) ? (required as JsonValue[]) : [])
  for (const [name, property] of Object.entries(properties)) {
    if (!needed.has(name)) tally.optional++
    if (isJsonObject(property) && (Array.isArray(property['type']) || 'anyOf' in property || 'oneOf' in property)) {
      tally.unions++
    }
  }
}

/** Objects must be closed. One that holds names of the model's own is left as it is, and refused. */
function closing({ type, additionalProperties }: JsonObject): JsonObject {
  const isObject = type === 'object' || (Array.isArray(type) && (type as JsonValue[]).includes('object'))
  return isObject && !isJsonObject(additionalProperties) ? { additionalProperties: false } : {}
}

function described({ description }: JsonObject, hints: readonly string[]): JsonObject {
  if (hints.length === 0) return {}
  const hint = `Must have: ${hints.join(', ')}.`
  return { description: typeof description === 'string' ? `${description}\n${hint}` : hint }
}
