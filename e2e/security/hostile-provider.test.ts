import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { systemClock, type Clock } from '../../src/engine/clock.ts'
import type { JsonValue } from '../../src/protocol/json.ts'
import { HALF_CHARACTERS, NAUGHTY_STRINGS } from '../bad-input/naughty-strings.ts'
import { changedAt, places } from '../fuzz/json-places.ts'
import { startTestServer } from '../harness/server.ts'
import { chunk, DONE, startUpstream, type Answer } from '../harness/upstream.ts'

/** The time of this machine, but for the waits before another try. */
const clock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep([500, 1000, 1500].includes(ms) ? 1 : ms, signal),
}
const upstream = await startUpstream()
const server = await startTestServer({
  clock,
  providers: { main: { kind: 'openai-chat', base_url: upstream.baseUrl, api_key: 'provider-key' } },
})
// Closing checks every event and body that was sent against openapi.json and the grammar of events.
after(async () => {
  await server.close()
  await upstream.close()
})

const logprob = { token: 'a', logprob: -0.5, bytes: [97], top_logprobs: [{ token: 'b', logprob: -1, bytes: [98] }] }
const citation = {
  type: 'url_citation',
  url_citation: { url: 'https://x.example', title: 't', start_index: 0, end_index: 1 },
}
const usage = {
  prompt_tokens: 5,
  completion_tokens: 3,
  total_tokens: 8,
  prompt_tokens_details: { cached_tokens: 1 },
  completion_tokens_details: { reasoning_tokens: 1 },
}

/** One of everything that a chunk may hold. */
const CHUNK: JsonValue = {
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  service_tier: 'default',
  system_fingerprint: 'fp',
  choices: [
    {
      index: 0,
      delta: {
        role: 'assistant',
        content: 'text',
        refusal: 'no',
        reasoning_content: 'thinking',
        reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'a', signature: 's', data: 'd' }],
        annotations: [citation],
        extra_content: { google: { thought_signature: 's' } },
        tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
        function_call: { name: 'g', arguments: '{}' },
      },
      logprobs: { content: [logprob] },
      finish_reason: 'stop',
    },
  ],
  usage,
}

/** What no provider should send, and some have. */
const HOSTILE: readonly JsonValue[] = [
  null,
  true,
  -1,
  1.5,
  1e308,
  '',
  'x',
  'NaN',
  [],
  [null],
  [[]],
  [1, 'x'],
  {},
  { a: null },
  { toString: null, valueOf: 1, length: -1 },
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
  '\0\n\ndata: [DONE]\n\n\u2028',
  'x'.repeat(100_000),
]

const REQUEST = {
  model: 'main/x',
  input: 'x',
  tools: [
    { type: 'function', name: 'f' },
    { type: 'custom', name: 'g' },
  ],
  store: false,
}

/** Statuses that blame the provider (503, 429), the model's name (404) or the request (400); never us. */
const ALLOWED: ReadonlySet<number> = new Set([200, 400, 404, 429, 503])

let models = 0

async function assertSurvives(answer: Answer, what: string): Promise<void> {
  upstream.answer(() => answer)
  for (const stream of [false, true]) {
    // A model that is limited is given a rest: each request has its own.
    const heard = await server.post('/responses', { ...REQUEST, model: `main/x${models++}`, stream })
    const text = await heard.text()
    assert.ok(ALLOWED.has(heard.status), `${what} → ${heard.status} ${text.slice(0, 300)}`)
    if (heard.status === 200 && stream) assert.match(text, /\n\ndata: \[DONE\]\n\n$/, what)
  }
}

const sse = (...values: readonly JsonValue[]) => values.map((value) => `data: ${JSON.stringify(value)}\n\n`)
const json = (value: JsonValue): Answer => ({
  headers: { 'content-type': 'application/json' },
  chunks: [JSON.stringify(value)],
})

for (const path of places(CHUNK)) {
  test(`S-68: ${path.join('.') || 'the whole chunk'}, replaced by ${HOSTILE.length} other values, streamed and whole`, async () => {
    for (const value of HOSTILE) {
      const hostile = changedAt(CHUNK, path, () => value) ?? null
      const what = `${path.join('.')} = ${JSON.stringify(value).slice(0, 60)}`
      await assertSurvives({ chunks: [...sse(hostile, hostile), DONE] }, what)
      const whole = JSON.parse(JSON.stringify(hostile).replace('"delta":', '"message":')) as JsonValue
      await assertSurvives(json(whole), `${what}, whole`)
    }
  })
}

const ERROR: JsonValue = {
  error: { message: 'm', type: 't', code: 'c', param: 'p', status: 400, metadata: { raw: 'r' } },
}

for (const path of places(ERROR)) {
  test(`S-68: of an error, ${path.join('.') || 'the whole'} replaced`, async () => {
    for (const value of HOSTILE) {
      const hostile = changedAt(ERROR, path, () => value) ?? null
      const what = `${path.join('.')} = ${JSON.stringify(value).slice(0, 60)}`
      for (const status of [200, 400, 429, 500]) {
        const headers = {
          'content-type': 'application/json',
          'retry-after': JSON.stringify(value)
            .replace(/[^\x20-\x7e]/g, '')
            .slice(0, 100),
        }
        await assertSurvives({ status, headers, chunks: [JSON.stringify(hostile)] }, `${status} ${what}`)
      }
      await assertSurvives({ chunks: [chunk({ content: 'a' }), ...sse(hostile), DONE] }, `within the stream, ${what}`)
    }
  })
}

test('S-68, S-54: whatever the model says is said on, letter for letter, and makes no event of its own', async () => {
  // An opening <think> is a provider's way to say that it reasons.
  const texts = NAUGHTY_STRINGS.filter((text) => text !== '<think>')
  const rows = [...texts.map((text) => [text, text] as const), ...HALF_CHARACTERS]
  for (const [sent, kept] of rows) {
    upstream.answer(() => ({
      chunks: [...sse({ choices: [{ index: 0, delta: { content: sent }, finish_reason: 'stop' }] }), DONE],
    }))
    const whole = (await (await server.post('/responses', { ...REQUEST, tools: [] })).json()) as { output_text: string }
    assert.equal(whole.output_text.toWellFormed(), kept)
    const text = await (await server.post('/responses', { ...REQUEST, tools: [], stream: true })).text()
    const deltas = text
      .split('\n\n')
      .flatMap((block) => /^event: response\.output_text\.delta\ndata: (.*)$/.exec(block)?.[1] ?? [])
    assert.equal(
      deltas
        .map((data) => (JSON.parse(data) as { delta: string }).delta)
        .join('')
        .toWellFormed(),
      kept,
    )
    assert.equal(text.split('\ndata: [DONE]\n\n').length, 2)
    assert.doesNotMatch(text, /[\r\v\f\u001c-\u001e\u0085\u2028\u2029]/, 'nothing that anybody takes for a line end')
  }
})

test('S-68: a tool call by any name, of any id and with any arguments is data', async () => {
  for (const text of NAUGHTY_STRINGS) {
    const call = { index: 0, id: text, type: 'function', function: { name: text, arguments: text } }
    await assertSurvives(
      {
        chunks: [...sse({ choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: 'tool_calls' }] }), DONE],
      },
      JSON.stringify(text),
    )
  }
})

const CALL = (index: number) =>
  chunk({ tool_calls: [{ index, id: `c${index}`, function: { name: 'f', arguments: '{}' } }] })

const FLOODS: Readonly<Record<string, Answer>> = {
  '2000 tool calls': {
    chunks: [
      Array.from({ length: 2000 }, (_, index) => CALL(index)).join(''),
      chunk({}, { finish_reason: 'tool_calls' }),
      DONE,
    ],
  },
  'one event of 5 MB': { chunks: [chunk({ content: 'x'.repeat(5_000_000) }), DONE] },
  'a million empty lines': {
    chunks: ['\n'.repeat(1_000_000), chunk({ content: 'x' }, { finish_reason: 'stop' }), DONE],
  },
  '20,000 comments': { chunks: [': x\n\n'.repeat(20_000), chunk({ content: 'x' }, { finish_reason: 'stop' }), DONE] },
  'a depth of 100,000': { chunks: [`data: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n\n`, DONE] },
  'a depth of 5000 inside a chunk': {
    chunks: [
      `data: {"choices":[{"index":0,"delta":{"extra_content":${'['.repeat(5000)}${']'.repeat(5000)}},"finish_reason":"stop"}]}\n\n`,
      DONE,
    ],
  },
  'events after the end': {
    chunks: [
      chunk({ content: 'a' }, { finish_reason: 'stop' }),
      DONE,
      chunk({ content: 'b' }),
      chunk({ content: 'c' }, { finish_reason: 'length' }),
      DONE,
    ],
  },
  'bytes that are no UTF-8': {
    chunks: [
      Buffer.from(
        'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe\xc0\xaf"},"finish_reason":"stop"}]}\n\n',
        'latin1',
      ),
      DONE,
    ],
  },
}

for (const [name, answer] of Object.entries(FLOODS)) {
  test(`S-68: ${name}: survived`, () => assertSurvives(answer, name))
}

test('S-58: a page of the provider never reaches a browser as a page', async () => {
  upstream.answer(() => ({ headers: { 'content-type': 'text/html' }, chunks: ['<script>alert(1)</script>'] }))
  const passed = await server.post('/chat/completions', { model: 'main/x', messages: [] })
  assert.equal(passed.headers.get('content-type'), 'application/json')
  assert.equal(passed.headers.get('x-content-type-options'), 'nosniff')
  await passed.text()
  const answer = await server.post('/responses', REQUEST)
  assert.equal(answer.status, 503)
  assert.ok(!(await answer.text()).includes('<'))
})

test('S-26: no prototype has changed', () => {
  assert.equal(Reflect.get({}, 'polluted'), undefined)
  assert.deepEqual(Object.keys(Object.prototype), [])
})
