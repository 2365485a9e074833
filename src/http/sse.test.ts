import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import type { ResponseEvent } from '../protocol/event.ts'
import { frame, sendEvents, type StreamOptions } from './sse.ts'
import { fakeTimers } from './testing/fake-timers.ts'

/** A socket that takes nothing until it is told to. */
class SlowResponse extends Writable {
  readonly writes: string[] = []
  head: { status: number; headers: Record<string, string> } | undefined
  #done: (() => void) | undefined

  constructor(roomBytes: number) {
    super({ highWaterMark: roomBytes })
  }

  writeHead(status: number, headers: Record<string, string>): void {
    this.head = { status, headers }
  }

  flushHeaders(): void {}

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.writes.push(chunk.toString())
    this.#done = done
  }

  /** The client reads everything that it was sent. */
  read(): void {
    for (let done = this.#done; done !== undefined; done = this.#done) {
      this.#done = undefined
      done()
    }
  }
}

function delta(text: string): Extract<ResponseEvent, { type: 'response.output_text.delta' }> {
  const place = { item_id: 'msg_1', output_index: 0, content_index: 0, logprobs: [] }
  return { type: 'response.output_text.delta', ...place, delta: text, sequence_number: 4 }
}

/** Batches that come when the test says so; `asked` counts how many were asked for. */
function batches() {
  const queue: (readonly ResponseEvent[])[] = []
  let arrival = Promise.withResolvers<void>()
  let isOver = false
  const seen = { asked: 0, isClosed: false }
  const wake = () => {
    arrival.resolve()
    arrival = Promise.withResolvers()
  }
  async function* read(gone: AbortSignal): AsyncGenerator<readonly ResponseEvent[]> {
    gone.addEventListener('abort', wake)
    try {
      for (;;) {
        seen.asked++
        while (queue.length === 0 && !isOver && !gone.aborted) await arrival.promise
        const batch = queue.shift()
        if (batch === undefined) return
        yield batch
      }
    } finally {
      seen.isClosed = true
    }
  }
  return {
    read,
    seen,
    say: (...batch: ResponseEvent[]) => (queue.push(batch), wake()),
    end: () => ((isOver = true), wake()),
  }
}

/** A stream under way, with time that stands still. */
function begin(t: TestContext, options: Partial<StreamOptions> & { roomBytes?: number } = {}) {
  const { tick, count: timers } = fakeTimers(t)
  const response = new SlowResponse(options.roomBytes ?? 1_000_000)
  const control = new AbortController()
  response.once('close', () => response.writableFinished || control.abort(new Error('gone')))
  const source = batches()
  const sent = sendEvents(
    response as unknown as ServerResponse, // All of it that is used.
    source.read(control.signal),
    {
      headers: { 'x-request-id': 'r' },
      keepalive_ms: 15_000,
      stall_ms: 30_000,
      obfuscate: false,
      gone: control.signal,
      ...options,
    },
  )
  return {
    response,
    control,
    source,
    sent,
    text: () => response.writes.join(''),
    tick,
    timers,
  }
}

/** Lets everything go on that needs no time. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
  await new Promise((resolve) => setImmediate(resolve))
}

test('an event is its name, its data on one line, and a blank line', () => {
  const event = delta('a\nb\r\n\u2028é👋')
  const [name, data, ...rest] = frame(event).split('\n')
  assert.equal(name, 'event: response.output_text.delta')
  assert.deepEqual(JSON.parse(data?.slice('data: '.length) ?? ''), event)
  assert.deepEqual(rest, ['', ''])
})

test('a stream is headers, batches in one write each, and [DONE]', async (t) => {
  const { response, source, sent, text } = begin(t)
  const [a, b, c] = [delta('a'), delta('b'), delta('c')]
  source.say(a, b)
  await turns()
  response.read()
  source.say(c)
  source.end()
  await turns()
  response.read()
  await sent
  response.read()
  assert.deepEqual(response.head, {
    status: 200,
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-request-id': 'r',
    },
  })
  assert.equal(text(), `${frame(a)}${frame(b)}${frame(c)}data: [DONE]\n\n`)
  assert.equal(response.writes[0], frame(a) + frame(b))
  assert.equal(response.writableEnded, true)
})

test('a comment is sent after each silence, and none while events come', async (t) => {
  const { response, source, text, tick } = begin(t)
  tick(14_999)
  assert.equal(text(), '')
  source.say(delta('a'))
  await turns()
  response.read()
  tick(14_999)
  assert.equal(text(), frame(delta('a')))
  tick(1)
  response.read()
  tick(15_000)
  assert.equal(text(), `${frame(delta('a'))}: keepalive\n\n: keepalive\n\n`)
})

test('no comment is sent to a client that has no room, nor after the end', async (t) => {
  const { response, source, sent, text, tick } = begin(t, { roomBytes: 1, stall_ms: 1_000_000 })
  source.say(delta('a'))
  await turns()
  tick(60_000)
  response.read()
  source.end()
  await turns()
  response.read()
  await sent
  tick(60_000)
  assert.equal(text(), `${frame(delta('a'))}data: [DONE]\n\n`)
})

test('while the client has no room, nothing more is asked for', async (t) => {
  const { response, source, sent } = begin(t, { roomBytes: 1 })
  for (const text of 'abc') source.say(delta(text))
  await turns()
  assert.deepEqual([response.writes.length, source.seen.asked], [1, 1])
  response.read()
  await turns()
  assert.deepEqual([response.writes.length, source.seen.asked], [2, 2])
  response.read()
  await turns()
  response.read()
  source.end()
  await turns()
  response.read()
  await sent
  assert.equal(source.seen.isClosed, true)
})

test('a client that stops reading is hung up on after the stall time, and its source is closed', async (t) => {
  const { response, source, sent, tick, timers } = begin(t, { roomBytes: 1 })
  source.say(delta('a'))
  await turns()
  tick(29_999)
  await turns()
  assert.equal(response.destroyed, false)
  tick(1)
  await sent
  assert.deepEqual([response.destroyed, source.seen.isClosed, timers()], [true, true, 0])
})

test('a client that reads on in time is never hung up on', async (t) => {
  const { response, source, tick } = begin(t, { roomBytes: 1 })
  for (let round = 0; round < 5; round++) {
    source.say(delta('a'))
    await turns()
    tick(29_999)
    response.read()
    await turns()
  }
  assert.deepEqual([response.destroyed, response.writes.length], [false, 5])
})

for (const roomBytes of [1, 1_000_000]) {
  test(`a client that goes away ${roomBytes === 1 ? 'while it is waited for' : 'in between'} ends the stream without a word`, async (t) => {
    const { response, source, sent, text, tick } = begin(t, { roomBytes })
    source.say(delta('a'))
    await turns()
    response.destroy()
    await sent
    source.say(delta('b'))
    tick(60_000)
    assert.equal(text(), frame(delta('a')))
    assert.equal(source.seen.isClosed, true)
  })
}

test('waiting often leaves nothing behind', async (t) => {
  const control = new AbortController()
  const { signal } = control
  let listeners = 0
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args))
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args))
  const { response, source } = begin(t, { roomBytes: 1, gone: signal })
  for (let round = 0; round < 20; round++) {
    source.say(delta('a'))
    await turns()
    response.read()
    await turns()
  }
  assert.equal(response.writes.length, 20)
  assert.equal(listeners, 0)
  assert.deepEqual([response.listenerCount('drain'), response.listenerCount('close')], [0, 1])
})

test('padding is added to text deltas alone, only where it is asked for, and not to the log', async (t) => {
  const text = delta('a')
  const { logprobs: _, ...place } = text
  const other: ResponseEvent = { ...place, type: 'response.refusal.delta' }
  for (const obfuscate of [false, true]) {
    const { response, source } = begin(t, { obfuscate })
    for (let round = 0; round < 50; round++) source.say(text, other)
    for (let round = 0; round < 60; round++) {
      await turns()
      response.read()
    }
    const events = [...response.writes.join('').matchAll(/^data: (\{.*\})$/gm)].map(
      ([, json = '']) => JSON.parse(json) as { type: string; obfuscation?: string },
    )
    assert.equal(events.length, 100)
    for (const { type, obfuscation } of events) {
      const isPadded = obfuscate && type === 'response.output_text.delta'
      assert.equal(typeof obfuscation, isPadded ? 'string' : 'undefined')
      if (isPadded) assert.match(obfuscation ?? '', /^[\w-]{2,22}$/)
    }
    const lengths = new Set(events.map(({ obfuscation }) => obfuscation?.length))
    assert.equal(lengths.size > 2, obfuscate)
    t.mock.restoreAll()
  }
  assert.ok(!('obfuscation' in text))
})
