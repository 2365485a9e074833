import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallableTool, HistoryItem, ModelCall } from '../../core/model-call.ts'
import { joined } from '../testing/chat-chunks.ts'
import { functionCall, functionOutput, modelCall, user } from '../testing/model-call.ts'
import { planAnswer } from './script.ts'

function tool(name: string, parameters?: CallableTool['parameters']): CallableTool {
  return { name, description: undefined, parameters, strict: undefined }
}

const CITY = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const TOOLS = [tool('get_weather', CITY), tool('get_time'), tool('a_b')]

/** The calls that are made, each with its arguments, and what is said. */
function answer(fields: Partial<ModelCall>): { calls: string[]; text: string } {
  const events = planAnswer(modelCall({ tools: TOOLS, ...fields })).flatMap((step) =>
    step.kind === 'say' ? [step.event] : [],
  )
  const calls = events.flatMap((event) => {
    if (event.type !== 'tool_call') return []
    const deltas = events.map((other) =>
      other.type === 'tool_arguments' && other.callId === event.callId ? other.delta : '',
    )
    return [`${event.callId} ${event.name}(${deltas.join('')})`]
  })
  return { calls, text: joined(events, 'text') }
}

const WEATHER = 'call_made_0 get_weather({"city":"Paris"})'
const NOTHING: readonly string[] = []

/** Messages and settings, and the calls that they lead to. */
const rows: readonly { message: string; fields?: Partial<ModelCall>; calls: readonly string[] }[] = [
  { message: 'How is the weather in Paris?', calls: [WEATHER] },
  { message: 'WEATHER in Paris', calls: [WEATHER] },
  { message: 'Whether it rains in Paris', calls: NOTHING },
  { message: 'Get it', calls: NOTHING },
  { message: 'a b', calls: NOTHING },
  { message: 'weather and time in Paris', calls: [WEATHER, 'call_made_1 get_time({})'] },
  { message: 'weather and time in Paris', fields: { parallelToolCalls: false }, calls: [WEATHER] },
  { message: 'weather and time in Paris', fields: { toolChoice: 'none' }, calls: NOTHING },
  { message: 'weather in Paris', fields: { toolChoice: 'auto' }, calls: [WEATHER] },
  { message: 'Hello Paris', fields: { toolChoice: 'auto' }, calls: NOTHING },
  { message: 'Hello Paris', fields: { toolChoice: 'required' }, calls: [WEATHER] },
  { message: 'time in Paris', fields: { toolChoice: 'required' }, calls: ['call_made_0 get_time({})'] },
  { message: 'weather in Paris', fields: { toolChoice: { name: 'a_b' } }, calls: ['call_made_0 a_b({})'] },
  { message: 'weather in Paris', fields: { tools: [] }, calls: NOTHING },
  { message: 'Hello', fields: { tools: [tool('x', {})], toolChoice: 'required' }, calls: ['call_made_0 x({})'] },
  { message: 'weather in Paris', fields: { format: { type: 'json_object' } }, calls: [WEATHER] },
  { message: '/say weather', fields: { toolChoice: 'required' }, calls: NOTHING },
]
for (const { message, fields, calls } of rows) {
  test(`${JSON.stringify(message)} with ${JSON.stringify(fields ?? {})} leads to ${calls.length} calls`, () => {
    const said = answer({ history: [user(message)], ...fields })
    assert.deepEqual(said.calls, calls)
    if (calls.length > 0) assert.equal(said.text, '')
  })
}

const weather = functionCall('1', 'get_weather')
const time = functionCall('2', 'get_time')
const reports: readonly { what: string; history: readonly HistoryItem[]; text: string }[] = [
  {
    what: 'one output',
    history: [user('weather?'), weather, functionOutput('1', 'sun')],
    text: 'The tool get_weather returned: sun',
  },
  {
    what: 'two outputs',
    history: [user('weather, time?'), weather, time, functionOutput('1', 'sun'), functionOutput('2', 'noon')],
    text: 'The tool get_weather returned: sun\nThe tool get_time returned: noon',
  },
  {
    what: 'only the outputs that came last',
    history: [user('weather?'), weather, functionOutput('1', 'sun'), time, functionOutput('2', 'noon')],
    text: 'The tool get_time returned: noon',
  },
  {
    what: 'an output of parts',
    history: [weather, { type: 'function_call_output', callId: '1', output: [{ type: 'input_text', text: 'sun' }] }],
    text: 'The tool get_weather returned: [{"type":"input_text","text":"sun"}]',
  },
  { what: 'an output of nobody', history: [functionOutput('9', 'sun')], text: 'The tool unknown returned: sun' },
]
for (const { what, history, text } of reports) {
  test(`The demo model reports ${what}, and calls nothing again`, () => {
    assert.deepEqual(answer({ history, toolChoice: 'required' }), { calls: [], text })
  })
}

test('A message after an output is answered for itself', () => {
  const history = [weather, functionOutput('1', 'sun'), user('Thanks')]
  assert.deepEqual(answer({ history }), { calls: [], text: 'You said: Thanks' })
})

test('A call that the token limit cuts is cut amid its arguments', () => {
  const steps = planAnswer(modelCall({ tools: TOOLS, history: [user('weather in Paris')], maxOutputTokens: 2 }))
  assert.deepEqual(
    steps.map((step) => step.kind === 'say' && step.event.type),
    ['tool_call', 'tool_arguments', 'finish'],
  )
})
