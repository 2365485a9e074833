import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransportError, type Transport, type TransportRequest } from '../core/transport.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import { bodyOf } from './testing/body.ts'
import { connectionError, getJson, postJson, readText, type Endpoint } from './upstream.ts'

const ENDPOINT: Endpoint = {
  baseUrl: 'https://a.example/v1',
  headers: { 'x-key': 'abc' },
  timeouts: { connect_ms: 1, firstByte_ms: 2, idle_ms: 3 },
  keys: [],
  secrets: [],
}

async function* bytes(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text)
}

/** A transport that answers this, and what it was asked. */
function transportOf(
  answer: () => { status: number; text: string },
): Transport & { readonly asked: TransportRequest[] } {
  const asked: TransportRequest[] = []
  return {
    asked,
    async send(request) {
      asked.push(request)
      const { status, text } = answer()
      return { status, headers: {}, body: bodyOf(bytes(text)) }
    },
  }
}

const live = () => new AbortController().signal
const lost = new TransportError({ isUnsent: false, isTimeout: false, cause: undefined })

const limits = [
  { bytesMax: 6, text: 'a…bc' },
  { bytesMax: 5, text: 'a…b' },
  { bytesMax: 3, text: 'a\uFFFD' },
  { bytesMax: 1, text: 'a' },
  { bytesMax: 0, text: '' },
]
for (const { bytesMax, text } of limits) {
  test(`readText() keeps ${bytesMax} of 6 bytes, in one read and in three`, async () => {
    assert.equal(await readText(bytes('a…bc'), bytesMax), text)
    const whole = new TextEncoder().encode('a…bc')
    const pieces = (async function* () {
      yield* [whole.subarray(0, 2), whole.subarray(2, 3), whole.subarray(3)]
    })()
    assert.equal(await readText(pieces, bytesMax), text)
  })
}

test('readText() stops reading at the limit', async () => {
  let count = 0
  const endless = (async function* () {
    for (;;) {
      count++
      yield new Uint8Array(10)
    }
  })()
  await readText(endless, 100)
  assert.equal(count, 11)
})

test('postJson() posts JSON to the path under the base URL, with the headers of the endpoint', async () => {
  const transport = transportOf(() => ({ status: 200, text: '' }))
  const signal = live()
  await postJson(transport, ENDPOINT, { path: '/chat', body: '{}', signal })
  assert.deepEqual(transport.asked, [
    {
      method: 'POST',
      url: new URL('https://a.example/v1/chat'),
      headers: { 'x-key': 'abc', 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: '{}',
      firstByte_ms: 2,
      idle_ms: 3,
      signal,
    },
  ])
})

const documents = [
  { status: 200, text: '{"data":[]}', document: { data: [] } },
  { status: 200, text: '<html>', document: undefined },
  { status: 200, text: '', document: undefined },
  { status: 404, text: '{"error":{}}', document: undefined },
  { status: 302, text: '{}', document: undefined },
]
for (const { status, text, document } of documents) {
  test(`getJson() makes ${JSON.stringify(document)} of ${status} ${JSON.stringify(text)}`, async () => {
    assert.deepEqual(
      await getJson(
        transportOf(() => ({ status, text })),
        ENDPOINT,
        { path: '/models', signal: live() },
      ),
      document,
    )
  })
}

const causes = [
  { isUnsent: true, isTimeout: false, fault: 'unavailable', message: 'The model provider cannot be reached.' },
  { isUnsent: true, isTimeout: true, fault: 'timeout', message: 'The model provider did not answer in time.' },
  { isUnsent: false, isTimeout: true, fault: 'timeout', message: 'The model provider did not answer in time.' },
  {
    isUnsent: false,
    isTimeout: false,
    fault: 'unavailable',
    message: 'The connection to the model provider broke off.',
  },
] as const
for (const { isUnsent, isTimeout, fault, message } of causes) {
  const how = `${isTimeout ? 'was too slow' : 'failed'} ${isUnsent ? 'before' : 'after'} anything was sent`
  test(`A connection that ${how} is ${fault}`, () => {
    const cause = new TransportError({ isUnsent, isTimeout, cause: new Error('127.0.0.1:8000') })
    const error = connectionError(cause)
    assert.ok(error instanceof UpstreamError)
    assert.deepEqual(error.problem, { fault, message, accepted: !isUnsent, cause })
    assert.equal(error.cause, cause)
  })
}

test('connectionError() passes other errors on as they are', () => {
  const error = new Error('Ours.')
  assert.equal(connectionError(error), error)
})

for (const method of ['postJson', 'getJson'] as const) {
  const ask = (signal: AbortSignal) => {
    const failing = transportOf(() => {
      throw lost
    })
    return method === 'getJson'
      ? getJson(failing, ENDPOINT, { path: '/models', signal })
      : postJson(failing, ENDPOINT, { path: '/chat', body: '{}', signal })
  }
  test(`${method}() explains a connection that failed`, async () => {
    await assert.rejects(ask(live()), (error) => error instanceof UpstreamError && error.cause === lost)
  })
  test(`${method}() does not blame the provider for a call that was aborted`, async () => {
    await assert.rejects(ask(AbortSignal.abort(new Error('Gone.'))), (error) => error === lost)
  })
}

test('getJson() explains a document that breaks off', async () => {
  const transport: Transport = {
    send: () =>
      Promise.resolve({
        status: 200,
        headers: {},
        body: bodyOf(
          (async function* () {
            yield new Uint8Array(1)
            throw lost
          })(),
        ),
      }),
  }
  await assert.rejects(
    getJson(transport, ENDPOINT, { path: '/models', signal: live() }),
    (error) => error instanceof UpstreamError,
  )
})
