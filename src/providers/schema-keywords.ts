import { isJsonObject, type JsonObject, type JsonValue } from '../protocol/json.ts'

/** Keywords that bind nothing. */
const NOTES: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$anchor',
  '$comment',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
])

/** Where schemas stand within a schema: as a value or in a list of them, and by name. */
const NESTED: ReadonlyMap<string, 'plain' | 'named'> = new Map([
  ['items', 'plain'],
  ['prefixItems', 'plain'],
  ['additionalProperties', 'plain'],
  ['anyOf', 'plain'],
  ['oneOf', 'plain'],
  ['properties', 'named'],
  ['$defs', 'named'],
])

/**
 * Whether a schema says nothing that is not enforced.
 *
 * @param enforced Keywords that are. What stands in another keyword is not looked at.
 */
export function isWithin(schema: JsonObject, enforced: ReadonlySet<string>): boolean {
  return Object.entries(schema).every(([keyword, value]) => {
    if (NOTES.has(keyword)) return true
    return enforced.has(keyword) && schemasIn(keyword, value).every((nested) => isWithin(nested, enforced))
  })
}

function schemasIn(keyword: string, value: JsonValue): readonly JsonObject[] {
  const kind = NESTED.get(keyword)
  if (kind === undefined) return []
  const found: unknown[] = kind === 'named' && isJsonObject(value) ? Object.values(value) : [value].flat()
  return found.filter(isJsonObject)
}
