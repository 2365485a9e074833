import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Tool } from '../protocol/tool.ts'
import type { ModelEvent, OutputEvent } from './model-event.ts'
import { cutText } from './testing/arbitrary-run.ts'
import { playRun, STOPPED, USAGE } from './testing/play-run.ts'
import { createToolRaiser, customArguments, lowerTools } from './tool-names.ts'

const TOOLS: readonly Tool[] = [
  { type: 'function', name: 'get_weather' },
  { type: 'function', name: 'get.time' },
  { type: 'custom', name: 'apply_patch' },
  {
    type: 'namespace',
    name: 'files',
    tools: [
      { type: 'function', name: 'read' },
      { type: 'custom', name: 'edit' },
    ],
  },
  { type: 'tool_search' },
]

const { origins } = lowerTools(TOOLS)

function raise(events: readonly ModelEvent[]): ModelEvent[] {
  return events.flatMap(createToolRaiser(origins))
}

const call = (callId: string, name: string): ModelEvent => ({ type: 'tool_call', callId, name })
const args = (callId: string, delta: string): ModelEvent => ({ type: 'tool_arguments', callId, delta })
const said = (text: string): ModelEvent => ({ type: 'text', text })
const finish: ModelEvent = { type: 'finish', reason: 'stop', usage: USAGE }

test('a function of the name that was offered passes at once, with its arguments', () => {
  const events = [call('a', 'get_weather'), args('a', '{"city":'), args('a', '"Paris"}'), finish]
  assert.deepEqual(raise(events), events)
})

test('a function that nobody offered passes as it is: the client decides what to do with it', () => {
  const events = [call('a', 'invented'), args('a', '{}')]
  assert.deepEqual(raise(events), events)
})

const raised = [
  { lowered: 'get_time', origin: { kind: 'function', name: 'get.time' } },
  { lowered: 'files__read', origin: { kind: 'function', name: 'read', namespace: 'files' } },
  { lowered: 'apply_patch', origin: { kind: 'custom', name: 'apply_patch' } },
  { lowered: 'files__edit', origin: { kind: 'custom', name: 'edit', namespace: 'files' } },
  { lowered: 'tool_search', origin: { kind: 'tool_search', name: 'tool_search' } },
]
for (const { lowered, origin } of raised) {
  test(`a call of ${lowered} becomes a ${origin.kind} call of ${origin.name}`, () => {
    assert.deepEqual(raise([call('a', lowered)]), [{ type: 'tool_call', callId: 'a', ...origin }])
  })
}

test('a call that says what kind it is was never lowered: its arguments pass as they come', () => {
  const patch: ModelEvent = { type: 'tool_call', callId: 'a', name: 'apply_patch', kind: 'custom' }
  const events = [patch, args('a', '{"input":'), args('a', '"x"}'), finish]
  assert.deepEqual(raise(events), events)
})

test('of such a call, the name alone is what the client knows', () => {
  const native = (name: string, namespace?: string): ModelEvent => ({
    type: 'tool_call',
    callId: 'a',
    name,
    kind: 'function',
    ...(namespace === undefined ? {} : { namespace }),
  })
  assert.deepEqual(raise([native('read', 'files'), native('get_time'), native('else', 'where')]), [
    native('read', 'files'),
    native('get.time'),
    native('else', 'where'),
  ])
})

test('a namespace comes back as it was offered, dots and all', () => {
  const tools: Tool[] = [{ type: 'namespace', name: 'my.files', tools: [{ type: 'function', name: 'read.all' }] }]
  const call: ModelEvent = {
    type: 'tool_call',
    callId: 'a',
    name: 'read_all',
    kind: 'function',
    namespace: 'my_files',
  }
  const raiser = createToolRaiser(lowerTools(tools).origins)
  assert.deepEqual(raiser(call), [{ ...call, name: 'read.all', namespace: 'my.files' }])
})

const inputs = [
  { name: 'custom input is unwrapped', tool: 'apply_patch', text: '{"input":"*** Begin\\n"}', input: '*** Begin\n' },
  { name: 'custom input may be empty', tool: 'apply_patch', text: '{"input":""}', input: '' },
  {
    name: 'custom arguments without input stay as they are',
    tool: 'apply_patch',
    text: '{"patch":"x"}',
    input: '{"patch":"x"}',
  },
  {
    name: 'custom input that is no string stays wrapped',
    tool: 'apply_patch',
    text: '{"input":{"a":1}}',
    input: '{"input":{"a":1}}',
  },
  {
    name: 'custom arguments that are plain text are the input',
    tool: 'apply_patch',
    text: '*** Begin',
    input: '*** Begin',
  },
  {
    name: 'custom arguments that are a JSON list are the input',
    tool: 'apply_patch',
    text: '["input"]',
    input: '["input"]',
  },
  { name: 'a search keeps its arguments', tool: 'tool_search', text: '{"query":"mail"}', input: '{"query":"mail"}' },
  {
    name: 'a search may have a field called input',
    tool: 'tool_search',
    text: '{"input":"mail"}',
    input: '{"input":"mail"}',
  },
  { name: 'a search without arguments has an empty object', tool: 'tool_search', text: ' ', input: '{}' },
]
for (const { name, tool, text, input } of inputs) {
  test(`${name}, however they are cut`, () => {
    const whole = [args('a', input), finish]
    assert.deepEqual(
      raise([call('a', tool), ...cutText(text, [2]).map((piece) => args('a', piece)), finish]).slice(1),
      whole,
    )
    assert.deepEqual(raise([call('a', tool), args('a', text), finish]).slice(1), whole)
  })
}

const releases: readonly { name: string; next: ModelEvent }[] = [
  { name: 'text', next: said('Done.') },
  { name: 'a refusal', next: { type: 'refusal', text: 'No.' } },
  { name: 'reasoning', next: { type: 'reasoning', text: 'Hm.' } },
  { name: 'reasoning state', next: { type: 'reasoning_state', state: 'sealed' } },
  { name: 'an annotation', next: { type: 'annotation', annotation: { type: 'url_citation' } } },
  { name: 'another call', next: call('b', 'get_weather') },
  { name: 'the finish', next: finish },
]
for (const { name, next } of releases) {
  test(`held input comes out before ${name}, which would close its call`, () => {
    const events = raise([call('a', 'apply_patch'), args('a', '{"input":"x"}'), next])
    assert.deepEqual(events.slice(1), [args('a', 'x'), next])
  })
}

test('a call whose arguments are not whole yet stays held when another begins', () => {
  const events = raise([
    call('a', 'apply_patch'),
    args('a', '{"input"'),
    call('b', 'tool_search'),
    args('b', '{}'),
    args('a', ':"x"}'),
    finish,
  ])
  assert.deepEqual(events.slice(2), [args('a', 'x'), args('b', '{}'), finish])
})

test('empty text between two pieces of arguments releases nothing', () => {
  const events = raise([call('a', 'apply_patch'), args('a', '{"input"'), said(''), args('a', ':"x"}'), finish])
  assert.deepEqual(events.slice(1), [args('a', 'x'), finish])
})

test('held input comes out once', () => {
  const events = raise([call('a', 'apply_patch'), args('a', '{"input":"x"}'), said('One.'), said('Two.'), finish])
  assert.deepEqual(
    events.filter(({ type }) => type === 'tool_arguments'),
    [args('a', 'x')],
  )
})

test('law: any tools, called in parallel in any order and cut anywhere, come back as they were offered', () => {
  const plan = fc.record({
    tool: fc.nat(4),
    input: fc.string({ unit: 'grapheme' }),
    size: fc.integer({ min: 1, max: 9 }),
  })
  fc.assert(
    fc.property(fc.array(plan, { minLength: 1, maxLength: 4 }), fc.boolean(), (plans, isInterleaved) => {
      const calls = plans.map((one, index) => lowered(one, `call_${index}`))
      const events = isInterleaved
        ? [...calls.map(([begin]) => begin), ...calls.flatMap((events) => events.slice(1))]
        : calls.flat()
      // The finish is handled apart, and nothing here is reasoning state.
      const output = raise([...events.filter((event) => event !== undefined), finish]).slice(0, -1) as OutputEvent[]
      const { final } = playRun(output, STOPPED)
      assert.deepEqual(final.output.map(shown), plans.map(expected))
    }),
  )
})

interface Plan {
  readonly tool: number
  readonly input: string
  readonly size: number
}

const LOWERED = ['get_weather', 'get_time', 'files__read', 'apply_patch', 'tool_search']

function lowered({ tool, input, size }: Plan, callId: string): ModelEvent[] {
  const name = LOWERED[tool] ?? ''
  return [call(callId, name), ...cutText(customArguments(input), [size]).map((piece) => args(callId, piece))]
}

function shown(item: object): unknown[] {
  return ['type', 'name', 'namespace', 'arguments', 'input'].map((key) => Reflect.get(item, key))
}

function expected({ tool, input }: Plan): unknown[] {
  const text = customArguments(input)
  return (
    [
      ['function_call', 'get_weather', undefined, text, undefined],
      ['function_call', 'get.time', undefined, text, undefined],
      ['function_call', 'read', 'files', text, undefined],
      ['custom_tool_call', 'apply_patch', undefined, undefined, input],
      ['tool_search_call', undefined, undefined, JSON.parse(text), undefined],
    ][tool] ?? []
  )
}
