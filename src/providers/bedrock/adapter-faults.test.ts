import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { startUpstream } from '../../../e2e/harness/upstream.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import { UpstreamError, type UpstreamProblem } from '../../core/upstream-error.ts'
import { hear } from '../testing/chat-provider.ts'
import { delta, ending, event, exception, frame, START, stop, streamed, unknownError } from './testing/frames.ts'
import { Answering, bedrockOver, connectBedrock } from './testing/provider.ts'

const UNAVAILABLE = 'The model provider failed to answer.'
const hi: ModelEvent = { type: 'text', text: 'Hi' }
const SAYS_HI = delta(0, { text: 'Hi' })
const STOP: ModelEvent = { type: 'finish', reason: 'stop' }

/** Failures inside a stream, by what they are called there. */
const exceptions: readonly { says: string; bytes: Buffer; problem: Partial<UpstreamProblem> }[] = [
  ...[
    { type: 'throttlingException', fault: 'rate_limited', message: 'Slow down.' },
    { type: 'modelStreamErrorException', fault: 'unavailable', message: UNAVAILABLE },
    { type: 'internalServerException', fault: 'unavailable', message: UNAVAILABLE },
    { type: 'serviceUnavailableException', fault: 'unavailable', message: UNAVAILABLE },
    { type: 'validationException', fault: 'bad_request', message: 'Slow down.' },
    { type: 'modelTimeoutException', fault: 'timeout', message: 'The model provider did not answer in time.' },
    { type: 'exceptionOfTomorrow', fault: 'unavailable', message: UNAVAILABLE },
  ].map(({ type, fault, message }) => ({
    says: type,
    bytes: exception(type, 'Slow down.'),
    problem: { fault: fault as UpstreamProblem['fault'], message },
  })),
  {
    says: 'InternalFailure, as an error',
    bytes: unknownError('InternalFailure', 'Oops.'),
    problem: { fault: 'unavailable', message: UNAVAILABLE },
  },
  {
    says: 'ThrottlingException, as an error',
    bytes: unknownError('ThrottlingException', 'Too many tokens, wait.'),
    problem: { fault: 'rate_limited', message: 'Too many tokens, wait.' },
  },
]
for (const { says, bytes, problem } of exceptions) {
  for (const [when, before, events] of [
    ['as the first frame', [], []],
    ['before a word', [START], []],
    ['after words', [START, SAYS_HI], [hi]],
  ] as const) {
    test(`${says} ${when} is ${problem.fault}`, async () => {
      const heard = await hear(bedrockOver(new Answering(streamed(...before, bytes))))
      assert.deepEqual(heard.events, events)
      assert.deepEqual({ ...heard.problem, ...problem, accepted: true }, heard.problem)
    })
  }
}

for (const message of [7, [[]], {}, '']) {
  test(`An exception inside a stream whose message is ${JSON.stringify(message)} is one without words`, async () => {
    const headers = { ':exception-type': 'throttlingException', ':message-type': 'exception' }
    const body = frame({ ...headers, ':content-type': 'application/json' }, JSON.stringify({ message }))
    const { problem } = await hear(bedrockOver(new Answering(streamed(START, body))))
    assert.equal(problem?.fault, 'rate_limited')
    assert.equal(problem.message, 'The model provider refused the request without a reason.')
  })
}

for (const headers of [
  { ':message-type': 'error', ':error-code': true, ':error-message': true },
  { ':message-type': 'error' },
  { ':message-type': 'exception', ':exception-type': true },
  { ':message-type': true },
  { ':message-type': 'event', ':event-type': true },
  {},
] as const) {
  test(`A frame of the headers ${JSON.stringify(headers)} is a fault of the provider`, async () => {
    const { problem } = await hear(bedrockOver(new Answering(streamed(START, frame(headers, '{}')))))
    assert.match(String(problem?.fault), /^(?:unavailable|invalid_response)$/)
  })
}

const DAMAGED = Buffer.from(SAYS_HI)
DAMAGED[DAMAGED.length - 6] = (DAMAGED[DAMAGED.length - 6] ?? 0) ^ 1

/** Frames that are none, and what they are called. */
const broken: readonly { says: string; bytes: readonly Uint8Array[] }[] = [
  { says: 'a damaged frame', bytes: [DAMAGED] },
  { says: 'half a frame', bytes: [SAYS_HI.subarray(0, 40)] },
  { says: 'a frame of length 0', bytes: [Buffer.alloc(16)] },
  { says: 'a frame shorter than its own head', bytes: [Buffer.from([0, 0, 0, 5, 0, 0, 0, 0])] },
  {
    says: 'a payload that is no JSON',
    bytes: [frame({ ':event-type': 'messageStop', ':message-type': 'event' }, '{')],
  },
  { says: 'a frame without headers', bytes: [frame({}, '{}')] },
  { says: 'a frame of an unknown kind', bytes: [frame({ ':message-type': 'odd' }, '{}')] },
  { says: 'an event called constructor', bytes: [event('constructor', {})] },
  { says: 'an event called __proto__', bytes: [event('__proto__', {})] },
  { says: 'text', bytes: [Buffer.from('data: {"odd":1}\n\n')] },
]
for (const { says, bytes } of broken) {
  test(`After ${says} the answer has failed, with the words before it`, async () => {
    const heard = await hear(bedrockOver(new Answering(streamed(START, SAYS_HI, ...bytes))))
    assert.deepEqual(heard.events, [hi])
    assert.deepEqual([heard.problem?.fault, heard.problem?.accepted], ['invalid_response', true])
    assert.match(heard.problem?.message ?? '', /^The model provider [a-z A-Z0-9]+\.$/)
  })

  test(`After ${says} behind its end, an answer is whole all the same`, async () => {
    const [messageStop = Buffer.alloc(0)] = ending()
    const heard = await hear(bedrockOver(new Answering(streamed(START, SAYS_HI, messageStop, ...bytes))))
    assert.equal(heard.error, undefined)
    assert.deepEqual(heard.events, [hi, STOP])
  })
}

test('A frame over the limit fails the answer, and nobody makes room for it', async () => {
  const limits = { eventBytesMax: 1000, outputBytesMax: 1000 }
  const long = delta(0, { text: 'x'.repeat(2000) })
  const claimed = Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xf0]), Buffer.alloc(64)])
  for (const bytes of [long, claimed]) {
    const heard = await hear(bedrockOver(new Answering(streamed(START, SAYS_HI, bytes)), { limits }))
    assert.deepEqual(heard.events, [hi])
    assert.deepEqual(heard.problem, {
      fault: 'invalid_response',
      message: 'The model provider sent an event of more than 1000 bytes.',
      accepted: true,
    })
  }
})

test('Events of unknown types are passed over', async () => {
  const odd = event('somethingNew', { odd: true })
  const heard = await hear(bedrockOver(new Answering(streamed(odd, START, odd, SAYS_HI, stop(0), odd, ...ending()))))
  assert.equal(heard.error, undefined)
  assert.deepEqual(heard.events[0], hi)
})

test('A stream without any frame, or none of its own, has failed', async () => {
  for (const pieces of [[], [event('chunk', { bytes: 'e30=' })]]) {
    const heard = await hear(bedrockOver(new Answering(streamed(...pieces))))
    assert.equal(heard.problem?.fault, 'invalid_response')
    assert.equal(heard.problem?.accepted, true)
  }
})

test('A connection that breaks amid words fails the answer; behind its end it does not', async (context) => {
  const upstream = await startUpstream()
  context.after(() => upstream.close())
  const [messageStop = Buffer.alloc(0)] = ending()
  const headers = { 'content-type': 'application/vnd.amazon.eventstream' }
  upstream.answer((_, index) => ({
    headers,
    chunks: index === 0 ? [START, SAYS_HI] : [START, SAYS_HI, messageStop],
    end: 'cut',
  }))
  const adapter = connectBedrock(context, upstream.baseUrl)
  const cut = await hear(adapter)
  assert.deepEqual([cut.events, cut.problem?.fault, cut.problem?.accepted], [[hi], 'unavailable', true])
  const late = await hear(adapter)
  assert.deepEqual([late.events, late.error], [[hi, STOP], undefined])
})

test('A provider whose port is closed is unavailable, and has certainly accepted nothing', async (context) => {
  const upstream = await startUpstream()
  await upstream.close()
  const heard = await hear(connectBedrock(context, upstream.baseUrl))
  assert.deepEqual(heard.problem, {
    fault: 'unavailable',
    message: 'The model provider cannot be reached.',
    accepted: false,
  })
})

const WHOLE = Buffer.concat([
  START,
  SAYS_HI,
  stop(0),
  delta(1, { reasoningContent: { redactedContent: 'AAAA' } }),
  stop(1),
  ...ending(),
])

test('Whatever bytes are changed in a stream, it is read, or has failed as a provider’s answer', async () => {
  const change = fc.tuple(fc.nat(WHOLE.length - 1), fc.nat(255))
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.nat(WHOLE.length),
      async (changes, length) => {
        const bytes = Buffer.from(WHOLE)
        for (const [place, value] of changes) bytes[place] = value
        const heard = await hear(bedrockOver(new Answering(streamed(bytes.subarray(0, length)))))
        assert.ok(heard.error === undefined || heard.error instanceof UpstreamError, String(heard.error))
        assert.equal(heard.events.filter(({ type }) => type === 'finish').length, heard.error === undefined ? 1 : 0)
      },
    ),
    { numRuns: 200 },
  )
})

test('Whatever JSON comes in sound frames, it is read, or has failed as a provider’s answer', async () => {
  const types = [
    'messageStart',
    'contentBlockStart',
    'contentBlockDelta',
    'contentBlockStop',
    'messageStop',
    'metadata',
  ]
  const keys = ['contentBlockIndex', 'delta', 'start', 'text', 'toolUse', 'name', 'input', 'reasoningContent']
  const more = ['redactedContent', 'signature', 'citation', 'location', 'web', 'stopReason', 'usage', 'inputTokens']
  const { value } = fc.letrec<{ value: JsonLike }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, '', 'x', 'AAAA', 0, -1, 1e30, true),
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom(...keys, ...more, '__type', 'constructor'), tie('value'), { maxKeys: 4 }),
    ),
  }))
  const frames = fc.array(fc.tuple(fc.constantFrom(...types), value), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(frames, async (list) => {
      const pieces = list.map(([type, body]) => event(type, body as string))
      const heard = await hear(bedrockOver(new Answering(streamed(...pieces, ...ending()))))
      assert.ok(heard.error === undefined || heard.error instanceof UpstreamError, String(heard.error))
      for (const said of heard.events) if ('text' in said) assert.equal(typeof said.text, 'string')
    }),
    { numRuns: 200 },
  )
})

type JsonLike = null | string | number | boolean | readonly JsonLike[] | { readonly [key: string]: JsonLike }
