import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dial } from './clients.ts'
import { openStoppingSite, untilEnded, watchStream } from './stopped-server.ts'

const TIMES = { lameDuck_ms: 300, drain_ms: 700 }
const LIMIT_MS = TIMES.lameDuck_ms + TIMES.drain_ms + 5000

const site = await openStoppingSite(TIMES)

interface Answered {
  readonly id: string
  readonly status: string
  readonly output_text: string
  readonly error: { readonly type: string; readonly code: string } | null
}

test('every reader of what outlasts the drain is told its end; a job goes back to the queue', async (t) => {
  const server = await site.start()
  const stored = await server.ask('[tag:front] [do: hang@2]', { stream: true })
  const front = watchStream(stored)
  await front.spoken
  const id = front.events[0]?.response?.id ?? ''
  const resumed = watchStream(await server.get(`/v1/responses/${id}?stream=true&starting_after=0`).then(renumbered))
  const unstored = watchStream(await server.ask('[do: hang@1]', { stream: true, store: false }))
  const mute = server.ask('[tag:mute] [do: hang]')
  const half = server.ask('[tag:half] [do: hang@2]')
  const job = (await (await server.ask('[tag:job] [do: hang@2 | chunks=1]', { background: true })).json()) as Answered
  await Promise.all(['mute', 'half', 'job'].map((tag) => site.upstream.until(tag, ({ received }) => received === 1)))
  const reader = watchStream(await server.get(`/v1/responses/${job.id}?stream=true`))
  await reader.spoken
  server.signal('SIGTERM')

  for (const stream of [front, resumed, unstored]) {
    assert.equal(await stream.ended, true, '[DONE] is said')
    const { type, response } = stream.events.at(-1) ?? {}
    assert.deepEqual([type, response?.status], ['response.failed', 'failed'])
  }
  const refused = (await (await mute).json()) as Answered
  assert.deepEqual([(await mute).status, refused.error?.type], [503, 'server_error'], 'nothing was said')
  const failed = (await (await half).json()) as Answered
  assert.deepEqual([(await half).status, failed.status, failed.error?.code], [200, 'failed', 'server_error'])
  assert.ok(failed.output_text.length > 0, 'what was said is in the answer')
  for (const answer of [await mute, await half]) assert.equal(answer.headers.get('connection'), 'close')
  await assert.rejects(reader.ended, 'the job goes on elsewhere: its stream has no end here')
  assert.ok(reader.events.every(({ type }) => !/completed|failed|incomplete/.test(type.replace('output_text', ''))))
  const { code, taken_ms } = await server.ended
  assert.equal(code, 0)
  assert.ok(taken_ms < LIMIT_MS, `${taken_ms} ms`)
  t.diagnostic(`ended ${Math.round(taken_ms)} ms after the signal`)

  const next = await site.start()
  const kept = (await (await next.get(`/v1/responses/${id}`)).json()) as Answered
  assert.deepEqual([kept.status, kept.output_text.length > 0], ['failed', true], 'what was said is kept')
  // Where somebody has heard a part of it, it is not said anew in other words.
  assert.match(await untilEnded(next, job.id), /^(?:completed|failed)$/)
  next.signal('SIGINT')
  await next.ended
})

/** Numbers of a resumed stream begin later. */
async function renumbered(answer: Response): Promise<Response> {
  const shift = new TransformStream<string, string>({
    transform: (text, out) =>
      out.enqueue(text.replace(/"sequence_number":(\d+)/g, (_, n: string) => `"sequence_number":${Number(n) - 1}`)),
  })
  const body = answer.body?.pipeThrough(new TextDecoderStream()).pipeThrough(shift).pipeThrough(new TextEncoderStream())
  return new Response(body ?? null, answer)
}

test('a chat completion that is passed on ends with an error; one that has not begun is one', async () => {
  const server = await site.start()
  const chat = (content: string, stream: boolean) =>
    server.post('/v1/chat/completions', { model: 'up/any', messages: [{ role: 'user', content }], stream })
  const begun = await chat('[tag:chat] [do: hang@2]', true)
  const mute = chat('[tag:chat-mute] [do: hang]', false)
  await site.upstream.until('chat-mute', ({ received }) => received === 1)
  server.signal('SIGTERM')
  const text = await begun.text()
  assert.match(text, /\n\ndata: \{"error":\{"type":"server_error","message":"The server stopped[^\n]*\}\}\n\n$/)
  const answer = await mute
  assert.deepEqual([answer.status, answer.headers.get('connection')], [503, 'close'])
  assert.equal((await server.ended).code, 0)
})

test('a client that stalls, one that says half of its request, and one that says nothing hold nobody', async () => {
  const server = await site.start()
  const [stalled, halting, silent] = [await dial(server.origin), await dial(server.origin), await dial(server.origin)]
  stalled.stall()
  const input = '[tag:stalled] [do: endless]'
  stalled.send('POST', '/v1/responses', { model: 'up/any', input, stream: true })
  await site.upstream.until('stalled', ({ received }) => received === 1)
  halting.write('POST /v1/responses HTTP/1.1\r\nhost: a\r\ncontent-len')
  server.signal('SIGTERM')
  const { code, signal, taken_ms } = await server.ended
  assert.deepEqual([code, signal], [0, null])
  assert.ok(taken_ms < LIMIT_MS, `${taken_ms} ms`)
  for (const client of [stalled, halting, silent]) client.destroy()
})
