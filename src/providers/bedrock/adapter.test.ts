import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startUpstream } from '../../../e2e/harness/upstream.ts'
import type { HistoryItem } from '../../core/model-call.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import { hear } from '../testing/chat-provider.ts'
import { assistant, modelCall, user } from '../testing/model-call.ts'
import { callStart, delta, ending, START, stop, streamed, whole } from './testing/frames.ts'
import { Answering, bedrockOver, connectBedrock } from './testing/provider.ts'

const MODEL = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
const EVENT_STREAM = { 'content-type': 'application/vnd.amazon.eventstream' }
const HI = [START, delta(0, { text: 'Hi' }), stop(0), ...ending()]
const hi: ModelEvent = { type: 'text', text: 'Hi' }

test('A key is a bearer token; headers of the configuration are sent beside it, and win', async () => {
  const server = new Answering(streamed(...HI))
  await hear(bedrockOver(server, { headers: { 'x-team': 'blue', 'user-agent': 'theirs' } }))
  const [request] = server.requests
  assert.deepEqual(
    [request?.method, request?.url.href],
    ['POST', 'https://bedrock-runtime.us-east-1.amazonaws.com/model/some-model/converse-stream'],
  )
  const header = (name: string) => request?.headers[name]
  const found = ['Authorization', 'x-team', 'user-agent'].map(header)
  assert.deepEqual(found, ['Bearer hush-hush', 'blue', 'theirs'])
  assert.match(header('x-amz-user-agent') ?? '', /antiphon\/test/)
})

const regions = [
  { region: 'cn-north-1', host: 'bedrock-runtime.cn-north-1.amazonaws.com.cn' },
  { region: 'us-gov-west-1', host: 'bedrock-runtime.us-gov-west-1.amazonaws.com' },
]
for (const { region, host } of regions) {
  test(`The region ${region} is asked at ${host}`, async () => {
    const server = new Answering(streamed(...HI))
    await hear(bedrockOver(server, { own: { region } }))
    assert.equal(server.requests[0]?.url.host, host)
  })
}

test('Another address than the region’s may be given, and the name of the model is one segment of its path', async () => {
  const server = new Answering(streamed(...HI))
  const model = 'arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0'
  await hear(bedrockOver(server, { baseUrl: 'http://proxy:8080/bedrock' }), { fields: { model } })
  assert.equal(
    server.requests[0]?.url.href,
    'http://proxy:8080/bedrock/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2Feu.amazon.nova-lite-v1%3A0/converse-stream',
  )
})

test('A model that cannot stream is asked by Converse, and one that answers a stream in one piece is read', async () => {
  const server = new Answering(whole([{ text: 'Hi' }]))
  for (const canStream of [false, true]) {
    const { events, error } = await hear(bedrockOver(server), { fields: { canStream } })
    assert.equal(error, undefined)
    assert.deepEqual(
      events.map(({ type }) => type),
      ['text', 'finish'],
    )
  }
  assert.deepEqual(
    server.requests.map(({ url }) => url.pathname),
    ['/model/some-model/converse', '/model/some-model/converse-stream'],
  )
})

test('The provider has accepted a call as soon as its answer begins, before any frame has come', async (context) => {
  const upstream = await startUpstream()
  context.after(() => upstream.close())
  const accepted = Promise.withResolvers<void>()
  upstream.answer(() => ({ headers: EVENT_STREAM, chunks: [accepted.promise, ...HI] }))
  const { batches, error } = await hear(connectBedrock(context, upstream.baseUrl), {
    onBatch: () => accepted.resolve(),
  })
  assert.equal(error, undefined)
  assert.deepEqual(batches[0], [])
  assert.deepEqual(batches[1], [hi])
})

test('Whoever hears is waited for: the next frame is not read before', async () => {
  const adapter = bedrockOver(
    new Answering(streamed(START, ...['a', 'b'].map((text) => delta(0, { text })), ...ending())),
  )
  const log: string[] = []
  await adapter.prepare(modelCall()).send(new AbortController().signal, async ([event]) => {
    if (event?.type !== 'text') return
    log.push(event.text)
    await new Promise(setImmediate)
    log.push(`${event.text} heard`)
  })
  assert.deepEqual(log, ['a', 'a heard', 'b', 'b heard'])
})

test('A call can be sent again, with the same bytes, and lets go of its text once it is under way', async () => {
  const server = new Answering(streamed(...HI))
  const prepared = bedrockOver(server).prepare(modelCall({ model: MODEL, instructions: 'Be brief.' }))
  for (let round = 0; round < 2; round++) await prepared.send(new AbortController().signal, () => undefined)
  assert.equal(server.requests[0]?.body, server.requests[1]?.body)
  assert.match(server.requests[0]?.body ?? '', /Be brief/)
  prepared.letGo?.()
  await assert.rejects(prepared.send(new AbortController().signal, () => undefined))
  assert.equal(server.requests.length, 2)
})

test('Thinking of one turn is in the next to the byte, signature and hidden bytes alike', async () => {
  const hidden = Buffer.from([0, 255, 128, 61, 13, 10]).toString('base64')
  const first = new Answering(
    streamed(
      START,
      delta(0, { reasoningContent: { text: 'Hm – 🎈' } }),
      delta(0, { reasoningContent: { signature: 'RXJ+/Q==' } }),
      stop(0),
      delta(1, { reasoningContent: { redactedContent: hidden } }),
      stop(1),
      callStart(2, { toolUseId: 'tooluse_1', name: 'weather' }),
      delta(2, { toolUse: { input: '{"place":"Rome"}' } }),
      stop(2),
      ...ending('tool_use'),
    ),
  )
  const { events } = await hear(bedrockOver(first), { fields: { model: MODEL } })
  const thoughts = events.flatMap((event): HistoryItem[] =>
    event.type === 'reasoning_state' ? [{ type: 'reasoning', text: '', state: event.state }] : [],
  )
  const second = new Answering(streamed(...HI))
  await hear(bedrockOver(second), {
    fields: { model: MODEL, history: [user('Hi'), ...thoughts, assistant('Hello'), user('And?')] },
  })
  const { messages } = JSON.parse(second.requests[0]?.body ?? '') as { messages: { content: unknown[] }[] }
  assert.deepEqual(messages[1]?.content, [
    { reasoningContent: { reasoningText: { text: 'Hm – 🎈', signature: 'RXJ+/Q==' } } },
    { reasoningContent: { redactedContent: hidden } },
    { text: 'Hello' },
  ])
})

for (const end of ['before its first byte', 'before its first frame', 'amid its words'] as const) {
  test(`An abort ${end} throws the reason and closes the connection`, async (context) => {
    const upstream = await startUpstream()
    context.after(() => upstream.close())
    const control = new AbortController()
    const reason = new Error('The client went away.')
    upstream.answer(() => {
      if (end === 'amid its words')
        return { headers: EVENT_STREAM, chunks: [START, delta(0, { text: 'Hi' })], end: 'hang' }
      if (end === 'before its first frame') return { headers: EVENT_STREAM, chunks: [], end: 'hang' }
      control.abort(reason)
      return new Promise<never>(() => {})
    })
    const onBatch = (events: number) => {
      if (events > 0 || end === 'before its first frame') control.abort(reason)
    }
    const heard = await hear(connectBedrock(context, upstream.baseUrl), { signal: control.signal, onBatch })
    assert.equal(heard.error, reason)
    assert.deepEqual(heard.events, end === 'amid its words' ? [hi] : [])
    await upstream.received[0]?.closed
  })
}

test('A call that is aborted before it is sent reaches nobody', async () => {
  const reason = new Error('Too late.')
  const server = new Answering(streamed(...HI))
  const heard = await hear(bedrockOver(server), { signal: AbortSignal.abort(reason) })
  assert.equal(heard.error, reason)
})

const LATE = { fault: 'timeout', message: 'The model provider did not answer in time.', accepted: true }

test('A provider that never answers, or falls silent, is given up after its time', async (context) => {
  const upstream = await startUpstream()
  context.after(() => upstream.close())
  upstream.answer(() => new Promise<never>(() => {}))
  const late = await hear(connectBedrock(context, upstream.baseUrl, { timeouts: { firstByte_ms: 50 } }))
  assert.deepEqual(late.problem, LATE)
  upstream.answer(() => ({ headers: EVENT_STREAM, chunks: [START, delta(0, { text: 'Hi' })], end: 'hang' }))
  const silent = await hear(connectBedrock(context, upstream.baseUrl, { timeouts: { idle_ms: 500 } }))
  assert.deepEqual([silent.problem, silent.events], [LATE, [hi]])
})

test('It offers no list of models, and is known by the names of its own', async () => {
  const adapter = bedrockOver(new Answering(streamed()))
  assert.deepEqual(await adapter.listModels(new AbortController().signal), [])
  const own = ['anthropic.claude-3-haiku-20240307-v1:0', 'us.amazon.nova-lite-v1:0', 'arn:aws:bedrock:us-east-1:1:x/y']
  const others = ['claude-sonnet-4-5', 'gpt-5', 'o3', 'qwen3-8b', 'meta-llama/llama-3', 'openai/gpt-oss-20b']
  assert.deepEqual(
    [...own, ...others].filter((name) => adapter.families?.test(name)),
    own,
  )
})
