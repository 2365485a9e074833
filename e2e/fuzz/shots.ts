import type { JsonObject, JsonValue } from '../../src/protocol/json.ts'
import { OTHER_KEY, TEST_KEY } from '../harness/server.ts'
import { createRequest, type Known } from './create-requests.ts'
import { BYTE_MUTATIONS, VALUE_MUTATIONS } from './mutations.ts'
import { isRule, type Verdict } from './oracle.ts'
import { createRandom, type Random } from './random.ts'

/** One request, and what may be answered to it. */
export interface Shot {
  /** What was done, for the table of counts. */
  readonly kind: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
  /** What is wrong with an answer, in words; undefined where nothing is. */
  readonly fault: (answer: Heard) => string | undefined
}

/** The part of an answer that is judged. */
export interface Heard {
  readonly status: number
  /** Of the error, where there is one. */
  readonly code: string
  readonly param: string
}

/** What shots are made from. */
export interface Range extends Known {
  readonly judge: (body: Uint8Array) => Verdict
  /** Ids of every sort, free to be deleted: stored, deleted, foreign, unknown. */
  readonly ids: readonly string[]
}

/** The shot of one index: the same seed, index and ids give the same request. */
export function makeShot(seed: number, index: number, range: Range): Shot {
  const random = createRandom(seed + Math.imul(index, 0x9e3779b1))
  return random.chance(0.75) ? createShot(random, range) : random.pick(OTHER_SHOTS)(random, range)
}

const JSON_HEADERS = { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/json' }

function createShot(random: Random, range: Range): Shot {
  const request = createRequest(random, range)
  const { kind, body } = spoil(request, random)
  const verdict = range.judge(body)
  return {
    kind,
    method: 'POST',
    path: '/v1/responses',
    headers: JSON_HEADERS,
    body,
    fault: (heard) => (kind === 'none' ? faultOfValid(heard) : faultOf(verdict, heard)),
  }
}

function spoil(request: JsonObject, random: Random): { kind: string; body: Buffer } {
  const plain = Buffer.from(JSON.stringify(request))
  const chosen = random.below(100)
  if (chosen < 12) return { kind: 'none', body: plain }
  if (chosen < 72) {
    const [kind, mutate] = random.pick(Object.entries(VALUE_MUTATIONS))
    return { kind, body: Buffer.from(JSON.stringify(mutate(request, random))) }
  }
  const [kind, mutate] = random.pick(Object.entries(BYTE_MUTATIONS))
  return { kind, body: mutate(plain, random) }
}

function faultOfValid({ status, code, param }: Heard): string | undefined {
  return status === 200 || status === 202 ? undefined : `a valid request was refused: ${status} ${code} ${param}`
}

/** The other validator and the server must agree, but for rules that no schema can hold. */
function faultOf(verdict: Verdict, { status, code, param }: Heard): string | undefined {
  const isAccepted = status === 200 || status === 202
  if (verdict === 'valid')
    return isAccepted || isRule(code, param) ? undefined : `valid by the schema: ${status} ${code} ${param}`
  if (isAccepted) return `${verdict}, and accepted`
  if (verdict === 'not the schema') return status === 400 ? undefined : `not the schema: ${status} ${code}`
  return ['invalid_json', 'invalid_utf8', 'json_too_deep'].includes(code) ? undefined : `not JSON: ${status} ${code}`
}

const among =
  (...statuses: readonly number[]) =>
  ({ status, code }: Heard) =>
    statuses.includes(status) ? undefined : `${status} ${code} instead of one of ${statuses.join(', ')}`

const OPERATIONS = [
  ['GET', ''],
  ['GET', '/input_items'],
  ['POST', '/cancel'],
  ['DELETE', ''],
] as const

const QUERIES = [
  '',
  '?stream=true',
  '?stream=true&starting_after=1',
  '?limit=1',
  '?order=asc',
  '?stream=yes',
  '?starting_after=-1',
  '?limit=0&limit=1',
  '?%00',
  '?a=%zz&&==',
]

const ODD_IDS = [
  'resp_',
  'abc',
  'resp_%00',
  'resp_a%2Fb',
  '%',
  '..',
  'resp_%F0%9F%98%80',
  `resp_${'a'.repeat(65)}`,
  "resp_'--",
  '__proto__',
]

const OTHER_SHOTS: readonly ((random: Random, range: Range) => Shot)[] = [
  (random, { ids, responses }) => {
    const [method, rest] = random.pick(OPERATIONS)
    const candidates = method === 'DELETE' ? ids : [...ids, ...responses]
    const isOdd = random.chance(0.2)
    const path = `/v1/responses/${random.pick(isOdd ? ODD_IDS : candidates)}${rest}${random.pick(QUERIES)}`
    return plainShot('by id', method, path, among(200, 400, 404))
  },
  (random, { ids }) => {
    const path = random.pick([
      '/v1/models',
      '/v1/models/demo',
      '/v1/models/%00',
      '/v1/responses',
      '/nothing',
      '/v1//x',
      `/v1/responses/${random.pick(ids)}`,
    ])
    const method = random.pick(['GET', 'PUT', 'PATCH', 'OPTIONS', 'HEAD'])
    return plainShot('route', method, path, among(200, 400, 404, 405))
  },
  (random, range) => {
    const shot = createShot(random, range)
    const authorization = random.pick([
      '',
      'Bearer',
      'Bearer nobody',
      `Basic ${TEST_KEY}`,
      `Bearer ${TEST_KEY}x`,
      `Bearer ${OTHER_KEY} x`,
    ])
    return { ...shot, kind: 'wrong key', headers: { ...shot.headers, authorization }, fault: among(401) }
  },
  (random, range) => {
    const shot = createShot(random, range)
    const type = random.pick(['text/plain', 'application/xml', 'application/json; charset=latin1', 'x'])
    return { ...shot, kind: 'wrong type', headers: { ...shot.headers, 'content-type': type }, fault: among(415) }
  },
  (random, range) => {
    const body: JsonValue = { ...createRequest(random, range), messages: random.pick<JsonValue>([[], null, 5]) }
    const shot = { kind: 'chat', method: 'POST', path: '/v1/chat/completions', headers: JSON_HEADERS }
    return { ...shot, body: spoil(body, random).body, fault: among(400, 404) }
  },
]

function plainShot(kind: string, method: string, path: string, fault: Shot['fault']): Shot {
  return { kind, method, path, headers: { authorization: `Bearer ${TEST_KEY}` }, body: undefined, fault }
}
