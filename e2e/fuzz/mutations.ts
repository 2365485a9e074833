import { isJsonObject, type JsonObject, type JsonValue } from '../../src/protocol/json.ts'
import { changedAt, places, valueAt } from './json-places.ts'
import type { Random } from './random.ts'

const OTHERS: readonly JsonValue[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  1.5,
  16,
  1e300,
  '',
  'x',
  '1',
  'auto',
  [],
  [null],
  [{}],
  {},
  { a: 1 },
  { type: 'function' },
  { type: 'message' },
]

const NUMBERS = [-2.1, -1, 0, 0.5, 1, 1.01, 2, 2.0001, 15, 16, 17, 20, 21, 2 ** 31, 2 ** 53 - 1, 2 ** 53, -(2 ** 53)]

/** Lengths at the limits of the fields that have one, and one more. */
const LENGTHS = [0, 1, 64, 65, 128, 129, 256, 257, 512, 513, 1024, 1025]

type Change = (old: JsonValue, random: Random) => JsonValue | undefined

const boundary: Change = (old, random) => {
  if (typeof old === 'number') return random.chance(0.5) ? old + random.pick([-1, 1]) : random.pick(NUMBERS)
  if (typeof old === 'string') return random.pick(['a', '😀', ' ']).repeat(random.pick(LENGTHS))
  if (Array.isArray(old))
    return random.chance(0.5) ? [] : Array.from({ length: random.pick([1, 16, 17, 129]) }, () => old[0] ?? null)
  return isJsonObject(old)
    ? Object.fromEntries(Array.from({ length: random.pick([16, 17]) }, (_, index) => [`k${index}`, 'v']))
    : old
}

const duplicate: Change = (old) => {
  if (Array.isArray(old)) return [...old, ...old.slice(-1)]
  return typeof old === 'string' ? old + old : old
}

const rename: Change = (old, random) => {
  if (!isJsonObject(old)) return old
  const keys = Object.keys(old)
  const chosen = keys.length === 0 ? '' : random.pick(keys)
  const name = random.pick([
    `${chosen}_`,
    chosen.toUpperCase(),
    chosen.slice(1),
    '__proto__',
    'type',
    'constructor',
    '',
  ])
  return Object.fromEntries(Object.entries(old).map(([key, value]) => [key === chosen ? name : key, value]))
}

const swap: Change = (old, random) => {
  if (!isJsonObject(old) || Object.keys(old).length < 2) return old
  const [one, other] = [random.pick(Object.keys(old)), random.pick(Object.keys(old))]
  return { ...old, [one]: old[other] ?? null, [other]: old[one] ?? null }
}

/** Ways to spoil a value that stays JSON. */
export const VALUE_MUTATIONS: Readonly<Record<string, (request: JsonObject, random: Random) => JsonValue>> = {
  'type swap': (request, random) => change(request, random, () => random.pick(OTHERS)),
  boundary: (request, random) => change(request, random, (old) => boundary(old, random)),
  drop: (request, random) => change(request, random, () => undefined),
  duplicate: (request, random) => change(request, random, (old) => duplicate(old, random)),
  rename: (request, random) => change(request, random, (old) => rename(old, random)),
  swap: (request, random) => change(request, random, (old) => swap(old, random)),
  wrap: (request, random) => change(request, random, (old) => (random.chance(0.5) ? [old] : { value: old })),
  clone: (request, random) => change(request, random, () => valueAt(request, random.pick(places(request)))),
}

function change(request: JsonObject, random: Random, make: (old: JsonValue) => JsonValue | undefined): JsonValue {
  return changedAt(request, random.pick(places(request)), make) ?? null
}

/** Ways to spoil bytes. */
export const BYTE_MUTATIONS: Readonly<Record<string, (bytes: Buffer, random: Random) => Buffer>> = {
  'bit flip': (bytes, random) => {
    const at = random.below(bytes.length)
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8))
    return copy
  },
  truncation: (bytes, random) => bytes.subarray(0, random.below(bytes.length)),
  insertion: (bytes, random) => {
    const at = random.below(bytes.length)
    const piece = random.pick(['"', '\\', '{', ']', ',', '\0', '\u001f', '"a":1,', '\xff', '\\ud800', ' '])
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(piece, 'latin1'), bytes.subarray(at)])
  },
  splice: (bytes, random) => {
    const [from, to, at] = [random.below(bytes.length), random.below(bytes.length), random.below(bytes.length)]
    return Buffer.concat([
      bytes.subarray(0, at),
      bytes.subarray(Math.min(from, to), Math.max(from, to)),
      bytes.subarray(at),
    ])
  },
}
