import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestServer } from '../harness/server.ts'
import type { RawAnswer } from './raw-http.ts'

/** What a refused request must be told. */
export interface Refusal {
  readonly status: number
  readonly type: string
  readonly code: string
  readonly param: string
}

/** The client's fault: 400 unless the status says otherwise. */
export function invalid(code: string, param = '', status = 400): Refusal {
  return { status, type: 'invalid_request_error', code, param }
}

/** What is not there. */
export function missing(code: string, param = ''): Refusal {
  return { status: 404, type: 'not_found_error', code, param }
}

/** A value of another JSON type. */
export const wrongType = (param: string) => invalid('invalid_type', param)

/** A value of the right type that is none of those allowed. */
export const wrongValue = (param: string) => invalid('invalid_value', param)

/** A field that must be there. */
export const lacking = (param: string) => invalid('missing_required_parameter', param)

/** A string with too many characters. */
export const tooLong = (param: string) => invalid('string_above_max_length', param)

/** Values that are all refused in the same way, under the ids of their rows. */
export type RefusedValues = readonly [ids: string, values: readonly unknown[], expected: Refusal]

/** Makes a test of every value: what `toBody` builds around it must be refused as its row says. */
export function testRefusals(
  server: TestServer,
  rows: readonly RefusedValues[],
  toBody: (value: unknown) => unknown,
): void {
  for (const [ids, values, expected] of rows) {
    for (const value of values) {
      const shown = JSON.stringify(value).slice(0, 80)
      test(`${ids}: ${shown}: ${expected.status} ${expected.code} ${JSON.stringify(expected.param)}`, async () => {
        await assertRefused(await server.post('/responses', toBody(value)), expected)
      })
    }
  }
}

/** Longest message, in characters. The longest of ours lists all item types. */
const MESSAGE_CHARS_MAX = 900

/** More than 64 characters of what was sent: the tests fill with repetitions. */
const ECHO = /([^\s.])\1{64}/

const INSIDE = /node:|\.ts\b|at \S+ \(|SQLITE|SELECT |fastify|undici|Error:|\/src\/|Unexpected token/i

/** Checks an answer against the error shape of the API, to the letter. */
export async function assertRefused(answer: Response | RawAnswer, expected: Refusal): Promise<void> {
  const raw = answer instanceof Response ? await readAnswer(answer) : answer
  assert.equal(raw.status, expected.status, raw.body.slice(0, 500))
  assert.equal(raw.headers['content-type'], 'application/json; charset=utf-8')
  assert.equal(raw.headers['x-content-type-options'], 'nosniff')
  assert.match(raw.headers['x-request-id'] ?? '', /^req_[0-9a-f]{24}$/)
  assert.equal(raw.headers['x-powered-by'] ?? raw.headers['server'], undefined)
  const body = JSON.parse(raw.body) as { error: Omit<Refusal, 'status'> & { message: string } }
  assert.deepEqual(Object.keys(body), ['error'])
  const { message, ...rest } = body.error
  assert.deepEqual({ status: raw.status, ...rest }, expected)
  assert.ok(message.length > 0 && message.length <= MESSAGE_CHARS_MAX, `${message.length} characters: ${message}`)
  assert.doesNotMatch(message, ECHO)
  assert.doesNotMatch(message, INSIDE)
}

async function readAnswer(answer: Response): Promise<RawAnswer> {
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
}

/** Checks that the server still answers: whatever came before has not hurt it. */
export async function assertAlive(server: TestServer): Promise<void> {
  const answer = await server.post('/responses', { model: 'demo', input: '/say alive' })
  assert.equal(answer.status, 200)
  const { output_text: text } = (await answer.json()) as { output_text: string }
  assert.equal(text, 'alive')
}
