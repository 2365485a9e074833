import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chunk, DONE } from '../harness/upstream.ts'
import { OTHER_KEY, TEST_KEY } from '../harness/server.ts'
import { dialStage, rawRequest } from './byte-client.ts'
import { endingOf, setStage } from './stage.ts'

const STALL_MS = 1500
const KEEPALIVE_MS = 40

/** A piece of an answer, as large as a socket takes at once, and how many of them are an answer. */
const PIECE = 'x'.repeat(50_000)
const PIECES = 200

async function* pieces(count: number): AsyncGenerator<string> {
  for (let index = 0; index < count; index++) yield chunk({ content: PIECE })
  yield chunk({}, { finish_reason: 'stop' }) + DONE
}

/** Answers of megabytes: those of the buffers between two sockets may be ten, so that one has no end. */
const LARGE: Readonly<Record<string, number>> = { 'large-slow': PIECES, 'large-two': PIECES, 'large-stalled': Infinity }

const stage = await setStage({
  override: ({ tag }) => (tag in LARGE ? { more: pieces(LARGE[tag] ?? 0) } : undefined),
  timeouts: { client_stall_ms: STALL_MS, keepalive_ms: KEEPALIVE_MS },
  background: { sweep_ms: 50 },
})
const { ask, server, upstream } = stage

/** The id of the one response that a tag was asked for by. */
const ID = /"id":"(resp_[0-9a-f]{48})"/

/** How long the model may still be asked for an answer that nobody waits for. */
const GOODBYE_MS = 1000

for (const { way, fields } of [
  { way: 'a stream', fields: { stream: true } },
  { way: 'a whole answer', fields: {} },
  { way: 'an answer that is not stored', fields: { store: false } },
]) {
  test(`C-02: a client that leaves before the first word of ${way}: the call is broken off within a second`, async () => {
    const tag = `early-${way.replaceAll(' ', '-')}`
    const leaving = new AbortController()
    const left = ask(`[tag:${tag}] [do: hang]`, fields, leaving.signal)
    await upstream.until(tag, ({ received }) => received === 1)
    const gone_ms = performance.now()
    leaving.abort()
    await assert.rejects(left)
    const { aborted } = await upstream.until(tag, ({ open }) => open === 0)
    assert.equal(aborted, 1)
    assert.ok(performance.now() - gone_ms < GOODBYE_MS)
  })
}

test('C-03: a client that leaves amid its stream: the call is broken off, what was said is kept, as cancelled', async () => {
  const client = await dialStage(server.url)
  client.send(rawRequest({ model: 'up/any', input: '[tag:amid] [do: hang@3]', stream: true }))
  const text = await client.until(/amid-1-2 /)
  const gone_ms = performance.now()
  client.reset()
  const { aborted } = await upstream.until('amid', ({ open }) => open === 0)
  assert.ok(performance.now() - gone_ms < GOODBYE_MS)
  const told = await stage.retrieveUntil(ID.exec(text)?.[1] ?? '', ({ status }) => status !== 'in_progress')
  assert.deepEqual([aborted, told.status, told.output_text], [1, 'cancelled', 'amid-1-0 amid-1-1 amid-1-2 '])
  assert.ok((told.usage?.output_tokens ?? 0) > 0, 'what was used is estimated')
})

test('C-04: a client that leaves a job it was reading: the job goes on to its end, and can be read again', async () => {
  const accepted = await ask('[tag:job] [do: chunks=6 hold@3]', { background: true })
  const { id } = (await accepted.json()) as { id: string }
  const reader = await dialStage(server.url)
  reader.send(rawRequest(undefined, `GET /v1/responses/${id}?stream=true`))
  await reader.until(/job-1-2 /)
  reader.reset()
  await upstream.release('job')
  const told = await stage.retrieveUntil(id, ({ status }) => status === 'completed')
  const { final, deltas } = endingOf(await (await server.get(`/responses/${id}?stream=true`)).text())
  assert.deepEqual([final, deltas.length], [told, 6])
  assert.equal((await upstream.counts('job')).received, 1)
})

test('C-06: clients that leave just as their answers begin are no error of ours, and leave nothing behind', async () => {
  const ROUNDS = 40
  for (let round = 0; round < ROUNDS; round++) {
    const tag = `race-${round}`
    const client = await dialStage(server.url)
    const stream = round % 2 === 0
    client.send(rawRequest({ model: 'up/any', input: `[tag:${tag}] [do: chunks=2 hold]`, stream }))
    await upstream.until(tag, ({ held }) => held === 1)
    const released = upstream.release(tag)
    if (round % 4 < 2) await released
    for (let turn = 0; turn < round % 7; turn++) await new Promise((resolve) => setImmediate(resolve))
    client.reset()
    await released
    await upstream.until(tag, ({ open }) => open === 0)
  }
  assert.equal((await stage.tell('')).told.status, 'completed')
})

test('C-08: a client that reads slowly, with rests, is told every word', async () => {
  const client = await dialStage(server.url)
  client.pause()
  client.send(rawRequest({ model: 'up/any', input: '[tag:large-slow]', stream: true }))
  for (let rest = 0; rest < 4; rest++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    client.readSome()
  }
  client.resume()
  const { deltas, final } = endingOf(bodyOf(await client.until(/data: \[DONE\]\n\n\r\n0\r\n/)))
  assert.equal(deltas.join(''), PIECE.repeat(PIECES))
  assert.equal(final.output_text, deltas.join(''))
  client.reset()
})

test('C-09: a client that stops reading is hung up on, and its model is asked no more', async () => {
  const client = await dialStage(server.url)
  client.pause()
  client.send(rawRequest({ model: 'up/any', input: '[tag:large-stalled]', stream: true }))
  await upstream.until('large-stalled', ({ open, received }) => received === 1 && open === 0)
  client.resume()
  const text = await client.closed
  assert.doesNotMatch(text, /\[DONE\]/)
  const told = await stage.retrieveUntil(ID.exec(text)?.[1] ?? '', ({ status }) => status !== 'in_progress')
  assert.equal(told.status, 'cancelled')
})

test('C-14: a hundred requests on one connection are answered in order, also behind a stream', async () => {
  const client = await dialStage(server.url)
  const stream = rawRequest({ model: 'up/any', input: '[tag:line] [do: chunks=3 hold@1]', stream: true })
  const gets = Array.from({ length: 100 }, (_, index) => rawRequest(undefined, `GET /v1/models/none-${index}`))
  client.send(stream + gets.join(''))
  await client.until(/line-1-0 /)
  assert.doesNotMatch(client.text(), /none-/)
  await upstream.release('line')
  const text = await client.until(/none-99[\s\S]*none-99|none-99[^\n]*\}$/)
  const order = Array.from(text.matchAll(/none-(\d+)/g), ([, index]) => Number(index))
  assert.deepEqual(
    [...new Set(order)],
    Array.from({ length: 100 }, (_, index) => index),
  )
  assert.ok(text.indexOf('[DONE]') < text.indexOf('none-0'))
  client.reset()
})

test('C-17: while a model is silent its stream has comments, between events, that nothing counts', async () => {
  const answer = ask('[tag:quiet] [do: chunks=4 hold@2]', { stream: true })
  const text = answer.then((response) => response.text())
  await upstream.until('quiet', ({ held }) => held === 1)
  await new Promise((resolve) => setTimeout(resolve, KEEPALIVE_MS * 5))
  await upstream.release('quiet')
  const whole = await text
  assert.ok((whole.match(/\n\n: keepalive\n\n/g)?.length ?? 0) >= 2, whole)
  const { events, deltas } = endingOf(whole)
  assert.equal(deltas.length, 4)
  assert.deepEqual(
    events.map(({ sequence_number }) => sequence_number),
    [...events.keys()],
  )
})

test('C-18: a stream is read on from any number that was seen, and from no other', async () => {
  const { events, final } = await stage.stream('[do: chunks=5]')
  const read = (after: string, key = TEST_KEY) =>
    fetch(`${server.base}/responses/${final.id}?stream=true&starting_after=${after}`, {
      headers: { authorization: `Bearer ${key}` },
    })
  const last = events.length - 1
  for (const after of [0, 3, last - 1]) {
    const text = await (await read(String(after))).text()
    const datas = Array.from(text.matchAll(/^data: (\{.*\})$/gm), ([, data]) => JSON.parse(data ?? '') as unknown)
    assert.deepEqual(datas, events.slice(after + 1))
  }
  for (const after of [last, last + 1, 1_000_000]) {
    assert.equal(await (await read(String(after))).text(), 'data: [DONE]\n\n')
  }
  for (const wrong of ['-1', 'x', '1.5', '%201', '9'.repeat(30)]) assert.equal((await read(wrong)).status, 400, wrong)
  assert.equal((await read('0', OTHER_KEY)).status, 404)
})

test('C-19: of two readers of one response one may be slow: neither the other nor the model waits for it', async () => {
  const accepted = await ask('[tag:large-two]', { background: true })
  const { id } = (await accepted.json()) as { id: string }
  const [slow, fast] = [await dialStage(server.url), await dialStage(server.url)]
  slow.pause()
  for (const reader of [slow, fast]) reader.send(rawRequest(undefined, `GET /v1/responses/${id}?stream=true`))
  const { deltas } = endingOf(bodyOf(await fast.until(/data: \[DONE\]\n\n\r\n0\r\n/)))
  assert.equal(deltas.join(''), PIECE.repeat(PIECES))
  assert.equal((await stage.retrieve(id)).status, 'completed')
  for (const reader of [slow, fast]) reader.reset()
})

/** The body of an answer that came in chunks. */
function bodyOf(text: string): string {
  let [rest, body] = [text.slice(text.indexOf('\r\n\r\n') + 4), '']
  for (;;) {
    const [line = '', size = ''] = /^([0-9a-f]+)\r\n/i.exec(rest) ?? []
    const length = Number.parseInt(size, 16)
    if (!(length > 0)) return body
    body += rest.slice(line.length, line.length + length)
    rest = rest.slice(line.length + length + 2)
  }
}
