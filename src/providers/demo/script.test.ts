import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { ModelCall } from '../../core/model-call.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import { joined } from '../testing/chat-chunks.ts'
import { assistant, modelCall, user } from '../testing/model-call.ts'
import { planAnswer, type Step } from './script.ts'

function plan(text: string, fields: Partial<ModelCall> = {}): Step[] {
  return planAnswer(modelCall({ history: [user(text)], ...fields }))
}

function events(steps: readonly Step[]): ModelEvent[] {
  return steps.flatMap((step) => (step.kind === 'say' ? [step.event] : []))
}

/** What a plan says in all, without the cut into words. */
function told(steps: readonly Step[]) {
  const said = events(steps)
  const last = said.at(-1)
  return {
    reasoning: joined(said, 'reasoning'),
    text: joined(said, 'text'),
    refusal: joined(said, 'refusal'),
    end: last?.type === 'finish' ? last.reason : undefined,
  }
}

const SILENT = { reasoning: '', text: '', refusal: '', end: 'stop' }

/** Messages, and all that is said to them. */
const rows: readonly { message: string; says: Partial<ReturnType<typeof told>>; fields?: Partial<ModelCall> }[] = [
  { message: 'Hello  there\n', says: { text: 'You said: Hello  there' } },
  { message: '', says: { text: 'You said: ' } },
  { message: '/say Hello  there', says: { text: 'Hello  there' } },
  { message: '/say', says: {} },
  { message: '/say /think deep', says: { text: '/think deep' } },
  { message: '  /say spaced', says: { text: 'spaced' } },
  { message: '/say one\ntwo', says: { text: 'one\ntwo' } },
  { message: '/think of Rome', says: { reasoning: 'The user asks: of Rome', text: 'Thought about: of Rome' } },
  { message: '/refuse war', says: { refusal: 'The demo model will not talk about war' } },
  { message: '/filter', says: { text: 'This answer is cut by a filter ', end: 'content_filter' } },
  { message: '/words 3', says: { text: 'word0 word1 word2' } },
  { message: '/words', says: { text: 'word0 word1 word2 word3 word4 word5 word6 word7 word8 word9' } },
  { message: '/words -1', says: {} },
  { message: '/nothing at all', says: { text: 'You said: /nothing at all' } },
  { message: '/constructor', says: { text: 'You said: /constructor' } },
  { message: 'Please /say no', says: { text: 'You said: Please /say no' } },
  { message: 'What is my name?', says: { text: 'You have not told me your name.' } },
  { message: 'My name is Zoë. What’s up?', says: { text: 'You said: My name is Zoë. What’s up?' } },
  { message: "My name is Zoë. What's my name?", says: { text: 'Your name is Zoë.' } },
  { message: 'Hi', fields: { effort: 'none' }, says: { text: 'You said: Hi' } },
  { message: 'Hi', fields: { effort: 'low' }, says: { reasoning: 'Thinking about: Hi', text: 'You said: Hi' } },
  { message: '/say Hi', fields: { effort: 'high' }, says: { text: 'Hi' } },
  { message: 'Hi', fields: { format: { type: 'json_object' } }, says: { text: '{"answer":"Hi"}' } },
  {
    message: 'How is Rome today?',
    fields: { format: { type: 'json_schema', name: 'n', schema: { properties: { city: { type: 'string' } } } } },
    says: { text: '{"city":"Rome"}' },
  },
  {
    message: 'how is it there?',
    fields: { format: { type: 'json_schema', name: 'n', schema: { properties: { place: { type: 'string' } } } } },
    says: { text: '{"place":"how is it there?"}' },
  },
]
for (const { message, says, fields } of rows) {
  test(`${JSON.stringify(message)} with ${JSON.stringify(fields ?? {})} is answered with ${JSON.stringify(says)}`, () => {
    assert.deepEqual(told(plan(message, fields)), { ...SILENT, ...says })
  })
}

test('The name is recalled from the thread, the last one told', () => {
  const history = [user('My name is Ann.'), assistant('Hi Ann.'), user('My name is Bo.'), user('What is my name?')]
  assert.equal(told(planAnswer(modelCall({ history }))).text, 'Your name is Bo.')
})

test('Images and files are echoed as what they are', () => {
  const parts = [
    { type: 'input_text', text: 'See' },
    { type: 'input_image', image_url: 'data:image/png;base64,AA==' },
    { type: 'input_file', file_data: 'AA==' },
  ] as const
  const history: ModelCall['history'] = [{ type: 'message', role: 'user', parts }]
  assert.equal(told(planAnswer(modelCall({ history }))).text, 'You said: See [image] [file]')
})

test('A thread without a user is answered too', () => {
  assert.equal(told(planAnswer(modelCall({ history: [] }))).text, 'You said: ')
})

const waits = [
  { message: '/wait 2', wait_ms: 2000 },
  { message: '/wait 0.25', wait_ms: 250 },
  { message: '/wait', wait_ms: 1000 },
  { message: '/wait soon', wait_ms: 1000 },
  { message: '/wait -3', wait_ms: 0 },
  { message: '/wait 900', wait_ms: 900_000 },
  { message: '/wait 901', wait_ms: 900_000 },
  { message: '/wait Infinity', wait_ms: 900_000 },
]
for (const { message, wait_ms } of waits) {
  test(`${message} waits ${wait_ms} ms between its two words`, () => {
    const steps = plan(message)
    assert.equal(told(steps).text, 'Waiting done.')
    assert.deepEqual(
      steps.findIndex((step) => step.kind === 'wait'),
      2,
    )
    assert.deepEqual(steps[2], { kind: 'wait', ms: wait_ms })
  })
}

const failures = [
  { argument: '400', status: 400, fault: 'bad_request' },
  { argument: '401', status: 401, fault: 'auth' },
  { argument: '404', status: 404, fault: 'model_not_found' },
  { argument: '408', status: 408, fault: 'timeout' },
  { argument: '422', status: 422, fault: 'bad_request' },
  { argument: '429', status: 429, fault: 'rate_limited' },
  { argument: '500', status: 500, fault: 'unavailable' },
  { argument: '503', status: 503, fault: 'unavailable' },
  { argument: '599', status: 599, fault: 'unavailable' },
  { argument: '', status: 500, fault: 'unavailable' },
  { argument: 'please', status: 500, fault: 'unavailable' },
] as const
for (const { argument, status, fault } of failures) {
  const problem = { fault, status, message: `The demo model was asked to fail with status ${status}.`, accepted: true }
  test(`/fail ${argument} fails with ${fault} before it says anything`, () => {
    const steps = plan(`/fail ${argument}`)
    assert.deepEqual(
      steps.map((step) => step.kind === 'fail' && step.error.problem),
      [problem],
    )
  })
  test(`/break ${argument} fails with ${fault} after it has begun`, () => {
    const steps = plan(`/break ${argument}`)
    const last = steps.at(-1)
    assert.deepEqual(last?.kind === 'fail' && last.error.problem, problem)
    assert.deepEqual(told(steps), { ...SILENT, text: 'This answer breaks off ', end: undefined })
  })
}

const limits = [
  { message: '/say a b c', allowed: 3, text: 'a b c', end: 'stop', spent: 3 },
  { message: '/say a b c', allowed: 2, text: 'a b', end: 'max_output_tokens', spent: 2 },
  { message: '/filter', allowed: 3, text: 'This answer is', end: 'max_output_tokens', spent: 3 },
  { message: '/words 1000000', allowed: 1, text: 'word0', end: 'max_output_tokens', spent: 1 },
] as const
for (const { message, allowed, text, end, spent } of limits) {
  test(`${message} with ${allowed} tokens ends with ${end} after ${spent}`, () => {
    const steps = plan(message, { maxOutputTokens: allowed })
    assert.deepEqual(told(steps), { ...SILENT, text, end })
    const last = events(steps).at(-1)
    assert.equal(last?.type === 'finish' && last.usage?.output_tokens, spent)
  })
}

test('Usage counts the words of the thread and of the answer, reasoning among them', () => {
  const steps = plan('/think of Rome', { history: [user('one two'), assistant('three'), user('/think of Rome')] })
  assert.deepEqual(events(steps).at(-1), {
    type: 'finish',
    reason: 'stop',
    usage: {
      input_tokens: 6,
      input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
      output_tokens: 9,
      output_tokens_details: { reasoning_tokens: 5 },
      total_tokens: 15,
    },
  })
})

test('/words says at most 100,000 words', () => {
  assert.equal(plan('/words 100001').length, 100_001)
})

test('Any text is echoed character by character, and the same every time', () => {
  const message = fc.string({ unit: fc.constantFrom('a', 'é', '😀', ' ', '\n', '\t', '/', '<'), maxLength: 30 })
  fc.assert(
    fc.property(
      message.filter((text) => !text.trim().startsWith('/')),
      (text) => {
        assert.equal(told(plan(text)).text, `You said: ${text.trim()}`)
        assert.deepEqual(plan(text), plan(text))
      },
    ),
  )
})

test('A very long text is echoed in blocks, and no character is cut', () => {
  const long = '😀 '.repeat(60_000).trim()
  const steps = plan(`/say ${long}`)
  assert.ok(steps.length < 100)
  assert.equal(told(steps).text, long)
  for (const event of events(steps)) if (event.type === 'text') assert.ok(event.text.isWellFormed())
})
