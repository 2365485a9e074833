import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startTestServer, TEST_KEY } from '../harness/server.ts'
import { assertAlive, assertRefused, invalid, missing } from './refusal.ts'

const server = await startTestServer()
after(() => server.close())

/** A request with one of everything, and characters of one to four bytes. */
const VALID = Buffer.from(
  JSON.stringify({
    model: 'demo',
    input: [{ role: 'user', content: [{ type: 'input_text', text: '/say é€😀' }] }],
    max_output_tokens: 99,
    temperature: 0.5,
    metadata: { k: 'v' },
    tools: [{ type: 'function', name: 'f', parameters: { type: 'object' } }],
    store: false,
  }),
)

function send(body: Uint8Array): Promise<Response> {
  const headers = { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/json' }
  return fetch(`${server.base}/responses`, { method: 'POST', headers, body: Buffer.from(body) })
}

/** Sends bodies, a few at a time; each must be a success, or refused as the client's fault in our shape. */
async function assertAllAnswered(bodies: readonly Uint8Array[]): Promise<Record<number, number>> {
  const counts: Record<number, number> = {}
  for (let start = 0; start < bodies.length; start += 16) {
    const answers = await Promise.all(bodies.slice(start, start + 16).map(send))
    for (const answer of answers) {
      counts[answer.status] = (counts[answer.status] ?? 0) + 1
      if (answer.status === 200) {
        await answer.text()
        continue
      }
      const { error } = (await answer.clone().json()) as { error: { code: string; param: string } }
      const refused = answer.status === 404 ? missing : invalid
      await assertRefused(answer, refused(error.code, error.param))
    }
  }
  return counts
}

test('B-97: the request is valid as it stands', async () => assert.equal((await send(VALID)).status, 200))

test('B-97: cut at every byte: 400 invalid_json, or invalid_utf8 inside a character', async () => {
  for (let length = 0; length < VALID.length; length++) {
    const body = VALID.subarray(0, length)
    const isWhole = Buffer.from(body.toString()).equals(body)
    await assertRefused(await send(body), invalid(isWhole ? 'invalid_json' : 'invalid_utf8'))
  }
})

test('B-97: every bit flipped: a success, or the client is told', async () => {
  const bodies = Array.from(VALID).flatMap((byte, at) =>
    Array.from({ length: 8 }, (_, bit) => VALID.with(at, byte ^ (1 << bit))),
  )
  const counts = await assertAllAnswered(bodies)
  assert.ok((counts[200] ?? 0) > 0 && (counts[400] ?? 0) > 0 && (counts[404] ?? 0) > 0)
})

test('B-97: every byte left out, and every byte doubled', async () => {
  const shorter = Array.from(VALID, (_, at) => Buffer.concat([VALID.subarray(0, at), VALID.subarray(at + 1)]))
  const longer = Array.from(VALID, (_, at) => Buffer.concat([VALID.subarray(0, at + 1), VALID.subarray(at)]))
  await assertAllAnswered([...shorter, ...longer])
})

test('B-97: the end spliced onto every beginning', async () => {
  const half = VALID.subarray(VALID.length / 2)
  await assertAllAnswered(Array.from(VALID, (_, at) => Buffer.concat([VALID.subarray(0, at), half])))
})

test('after all of these, the server answers', () => assertAlive(server))
