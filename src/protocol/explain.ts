import type { TSchema } from 'typebox'
import { isJsonObject } from './json.ts'

/** What is wrong with a value: where, under which code, and in words. */
export interface Explanation {
  readonly code: string
  readonly param: string
  readonly message: string
}

/** The JSON Schema keywords that our schemas use. */
interface Keywords {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly not?: { readonly enum: readonly unknown[] }
  readonly anyOf?: readonly Keywords[]
  readonly allOf?: readonly Keywords[]
  readonly properties?: Readonly<Record<string, Keywords>>
  readonly patternProperties?: Readonly<Record<string, Keywords>>
  readonly required?: readonly string[]
  readonly items?: Keywords
  readonly minItems?: number
  readonly maxItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly maxProperties?: number
  readonly propertyNames?: Keywords
  readonly discriminator?: { readonly propertyName: string }
  readonly 'x-unknown-code'?: string
  readonly 'x-fallback'?: string
  readonly 'x-too-many-code'?: string
}

const SHOWN_CHARS_MAX = 64

/**
 * Says what makes a value invalid: the first fault in the order of the schema, blamed on the exact
 * field. Runs only after the compiled schema has refused the value.
 *
 * Messages name what was expected and what was found, and show at most 64 characters of the value.
 *
 * @returns undefined where the value satisfies the schema.
 */
export function explain(schema: TSchema, value: unknown, path = ''): Explanation | undefined {
  return explainAt(schema, value, path)
}

function explainAt(schema: Keywords, value: unknown, path: string): Explanation | undefined {
  if (schema.anyOf !== undefined) return explainUnion(schema, value, path)
  if (schema.allOf !== undefined) return firstOf(schema.allOf, (part) => explainAt(part, value, path))
  if (schema.const !== undefined) return explainChoice([schema.const], value, path)
  if (schema.enum !== undefined) return explainChoice(schema.enum, value, path)
  switch (schema.type) {
    case 'object':
      return explainObject(schema, value, path)
    case 'array':
      return explainArray(schema, value, path)
    case 'string':
      return explainString(schema, value, path)
    case 'integer':
    case 'number':
      return explainNumber(schema, value, path)
    case undefined:
      return undefined
    default:
      return jsonType(value) === schema.type ? undefined : wrongType(schema.type, value, path)
  }
}

function explainUnion(schema: Keywords, value: unknown, path: string): Explanation | undefined {
  const variants = variantsOf(schema)
  // Each is asked once: unions stand in unions, and what is in them may be long.
  const faults = new Map<Keywords, Explanation>()
  for (const variant of variants) {
    const fault = explainAt(variant, value, path)
    if (fault === undefined) return undefined
    faults.set(variant, fault)
  }
  if (schema.discriminator !== undefined) return explainTagged(schema, { value, path, faults })
  const kind = jsonType(value)
  const candidates = variants.filter((variant) => variant.type !== 'null')
  const sameKind = candidates.filter((variant) => kindsOf(variant).includes(kind))
  const [only] = sameKind.length > 0 ? sameKind : candidates.length === 1 ? candidates : []
  if (only !== undefined) return faults.get(only)
  return wrongType(candidates.flatMap(kindsOf).filter(isFirst).join(' or '), value, path)
}

/** What is wrong with a value, by the variant that it is held against. */
type Faults = ReadonlyMap<Keywords, Explanation>

interface Untold {
  readonly value: unknown
  readonly path: string
  readonly faults: Faults
}

function explainTagged(schema: Keywords, { value, path, faults }: Untold): Explanation | undefined {
  if (!isJsonObject(value)) return wrongType('object', value, path)
  const tag = schema.discriminator?.propertyName ?? 'type'
  const variants = variantsOf(schema)
  const given = value[tag] ?? (tag === 'type' ? schema['x-fallback'] : undefined)
  const tagPath = join(path, tag)
  if (given === undefined) return missing(tagPath)
  const chosen = variants.filter((variant) => tagsOf(variant, tag).includes(given))
  if (chosen.length === 0) {
    if (typeof given !== 'string') return wrongType('string', given, tagPath)
    const known = variants.flatMap((variant) => tagsOf(variant, tag)).filter(isFirst)
    return {
      code: schema['x-unknown-code'] ?? 'invalid_value',
      param: tagPath,
      message: `${tagPath} must be one of ${known.map(String).join(', ')}, got ${show(given)}.`,
    }
  }
  return faults.get(fullest(chosen, value))
}

/** The variant that shares most fields with the value: two variants may bear one tag. */
function fullest(variants: readonly Keywords[], value: object): Keywords {
  const score = (variant: Keywords) => (variant.required ?? []).filter((key) => key in value).length
  return variants.reduce((best, variant) => (score(variant) > score(best) ? variant : best))
}

/** Variants of a union; a nested union that is told apart by another field counts as one. */
function variantsOf(schema: Keywords): readonly Keywords[] {
  return schema.anyOf ?? [schema]
}

function tagsOf(variant: Keywords, tag: string): readonly unknown[] {
  const field = variant.properties?.[tag]
  if (field?.const !== undefined) return [field.const]
  if (field?.enum !== undefined) return field.enum
  if (variant.anyOf !== undefined) return variant.anyOf.flatMap((inner) => tagsOf(inner, tag)).filter(isFirst)
  if (variant.allOf !== undefined) return variant.allOf.flatMap((inner) => tagsOf(inner, tag))
  return []
}

function explainObject(schema: Keywords, value: unknown, path: string): Explanation | undefined {
  if (!isJsonObject(value)) return wrongType('object', value, path)
  const keys = Object.keys(value)
  const lacking = (schema.required ?? []).find(
    (key) => value[key] === undefined || isNullMeantAbsent(schema, key, value),
  )
  if (lacking !== undefined) return missing(join(path, lacking))
  if (schema.maxProperties !== undefined && keys.length > schema.maxProperties) {
    return {
      code: `${path}_too_many_keys`,
      param: path,
      message: `${path} may hold at most ${schema.maxProperties} keys, got ${keys.length}.`,
    }
  }
  return (
    explainKeys(schema, keys, path) ??
    firstOf(Object.entries(schema.properties ?? {}), ([key, field]) =>
      value[key] === undefined ? undefined : explainAt(field, value[key], join(path, key)),
    ) ??
    firstOf(Object.values(schema.patternProperties ?? {}), (field) =>
      firstOf(keys, (key) => explainEntry(field, value[key], { path, key })),
    )
  )
}

/** A required field that is null reads as missing, unless null is a value it may have. */
function isNullMeantAbsent(schema: Keywords, key: string, value: Readonly<Record<string, unknown>>): boolean {
  return value[key] === null && explainAt(schema.properties?.[key] ?? {}, null, '') !== undefined
}

function explainKeys(schema: Keywords, keys: readonly string[], path: string): Explanation | undefined {
  const limit = schema.propertyNames?.maxLength
  if (limit === undefined) return undefined
  return firstOf(keys, (key) =>
    codePoints(key) <= limit
      ? undefined
      : {
          code: `${path}_key_too_long`,
          param: join(path, cut(key)),
          message: `A key of ${path} may have at most ${limit} characters, got ${codePoints(key)}.`,
        },
  )
}

/** An entry of a map, such as metadata: its code names the map. */
function explainEntry(
  field: Keywords,
  value: unknown,
  { path, key }: { path: string; key: string },
): Explanation | undefined {
  const fault = explainAt(field, value, join(path, cut(key)))
  if (fault?.code === 'string_above_max_length') return { ...fault, code: `${path}_value_too_long` }
  return fault
}

function explainArray(schema: Keywords, value: unknown, path: string): Explanation | undefined {
  if (!Array.isArray(value)) return wrongType('array', value, path)
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    return {
      code: schema['x-too-many-code'] ?? 'array_above_max_length',
      param: path,
      message: `${path} may hold at most ${schema.maxItems} items, got ${value.length}.`,
    }
  }
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    return {
      code: 'array_below_min_length',
      param: path,
      message: `${path} must hold at least ${schema.minItems} item, got ${value.length}.`,
    }
  }
  const { items } = schema
  if (items === undefined) return undefined
  for (const [index, item] of value.entries()) {
    const fault = explainAt(items, item, `${path}[${index}]`)
    if (fault !== undefined) return fault
  }
  return undefined
}

function explainString(schema: Keywords, value: unknown, path: string): Explanation | undefined {
  if (typeof value !== 'string') return wrongType('string', value, path)
  const length = codePoints(value)
  if (schema.minLength !== undefined && length < schema.minLength) {
    return { code: 'invalid_value', param: path, message: `${path} must not be empty.` }
  }
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    return {
      code: 'string_above_max_length',
      param: path,
      message: `${path} may have at most ${schema.maxLength} characters, got ${length}.`,
    }
  }
  if (schema.not?.enum.includes(value) === true) {
    return { code: 'invalid_value', param: path, message: `${path} must be another than ${show(value)}.` }
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) {
    return { code: 'invalid_value', param: path, message: `${path} must match ${schema.pattern}, got ${show(value)}.` }
  }
  return undefined
}

function explainNumber(schema: Keywords, value: unknown, path: string): Explanation | undefined {
  if (typeof value !== 'number') return wrongType(schema.type ?? 'number', value, path)
  if (schema.type === 'integer' && !Number.isInteger(value)) return wrongType('integer', value, path)
  const kind = schema.type === 'integer' ? 'integer' : 'decimal'
  if (schema.minimum !== undefined && value < schema.minimum) {
    return {
      code: `${kind}_below_min_value`,
      param: path,
      message: `${path} must be at least ${schema.minimum}, got ${value}.`,
    }
  }
  if (schema.maximum !== undefined && !(value <= schema.maximum)) {
    return {
      code: `${kind}_above_max_value`,
      param: path,
      message: `${path} must be at most ${schema.maximum}, got ${value}.`,
    }
  }
  return undefined
}

function explainChoice(choices: readonly unknown[], value: unknown, path: string): Explanation | undefined {
  if (choices.includes(value)) return undefined
  if (typeof value !== typeof choices[0]) return wrongType(typeof choices[0], value, path)
  const expected = choices.length === 1 ? String(choices[0]) : `one of ${choices.map(String).join(', ')}`
  return { code: 'invalid_value', param: path, message: `${path} must be ${expected}, got ${show(value)}.` }
}

function missing(path: string): Explanation {
  return { code: 'missing_required_parameter', param: path, message: `${path} is required` }
}

function wrongType(expected: string, value: unknown, path: string): Explanation {
  const what = path === '' ? 'The request body' : path
  return {
    code: 'invalid_type',
    param: path,
    message: `${what} must be ${article(expected)}, got ${article(foundType(value))}.`,
  }
}

function article(type: string): string {
  if (type === 'null') return 'null'
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}

function foundType(value: unknown): string {
  return typeof value === 'number' && !Number.isInteger(value) ? 'decimal number' : jsonType(value)
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value
}

function kindsOf(schema: Keywords): string[] {
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap(kindsOf).filter(isFirst)
  if (schema.allOf !== undefined) return schema.allOf.flatMap(kindsOf).filter(isFirst)
  if (schema.const !== undefined) return [typeof schema.const]
  if (schema.enum !== undefined) return schema.enum.map((choice) => typeof choice).filter(isFirst)
  return schema.type === undefined ? [] : [schema.type === 'integer' ? 'number' : schema.type]
}

function isFirst<Item>(item: Item, index: number, all: readonly Item[]): boolean {
  return all.indexOf(item) === index
}

function firstOf<Item>(items: readonly Item[], look: (item: Item) => Explanation | undefined): Explanation | undefined {
  for (const item of items) {
    const found = look(item)
    if (found !== undefined) return found
  }
  return undefined
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

function show(value: unknown): string {
  return cut(JSON.stringify(value) ?? typeof value)
}

function cut(text: string): string {
  const points = Array.from(text.slice(0, (SHOWN_CHARS_MAX + 1) * 2))
  return points.length > SHOWN_CHARS_MAX ? `${points.slice(0, SHOWN_CHARS_MAX).join('')}…` : points.join('')
}

/** Counted by units: a text's own iterator takes half a microsecond for each, and some have millions. */
function codePoints(text: string): number {
  if (!/[\ud800-\udfff]/.test(text)) return text.length
  let count = text.length
  for (let index = 1; index < text.length; index++) {
    if (isHalf(text, index, 0xdc00) && isHalf(text, index - 1, 0xd800)) count--
  }
  return count
}

function isHalf(text: string, index: number, half: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === half
}
