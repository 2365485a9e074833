import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { zodResponsesFunction } from 'openai/helpers/zod'
import type {
  FunctionTool,
  Response,
  ResponseFunctionToolCall,
  ResponseInputItem,
} from 'openai/resources/responses/responses'
import { z } from 'zod'
import { says } from '../harness/upstream.ts'
import {
  assistantCalls,
  bodyOf,
  calls,
  messagesOf,
  MODEL,
  PARIS,
  PARIS_TURNS,
  speaks,
  startStage,
  streamed,
  toolsOf,
} from './support.ts'

const stage = await startStage()
const { client } = stage
after(() => stage.close())

const weather: FunctionTool = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather of a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
  strict: true,
}

const ROME = { id: 'call_rome', name: 'get_weather', arguments: { city: 'Rome' } }

function callsOf(response: Pick<Response, 'output'>): readonly ResponseFunctionToolCall[] {
  return response.output.filter((item) => item.type === 'function_call')
}

function outputsFor(response: Pick<Response, 'output'>): ResponseInputItem[] {
  return callsOf(response).map(({ call_id, arguments: given }) => ({
    type: 'function_call_output',
    call_id,
    output: `Sunny in ${(JSON.parse(given) as { city: string }).city}.`,
  }))
}

test('a tool loop over previous_response_id shows the provider the call and its output', async () => {
  const seen = stage.script(calls(PARIS), says('It is sunny in Paris.'))
  const first = await client.responses.create({ model: MODEL, input: 'Weather in Paris?', tools: [weather] })
  assert.deepEqual(
    callsOf(first).map(({ name, call_id, arguments: given, status }) => ({ name, call_id, given, status })),
    [{ name: 'get_weather', call_id: 'call_paris', given: '{"city":"Paris"}', status: 'completed' }],
  )
  const second = await client.responses.create({
    model: MODEL,
    previous_response_id: first.id,
    input: outputsFor(first),
    tools: [weather],
  })
  assert.equal(second.output_text, 'It is sunny in Paris.')
  const { type: _, ...wireFunction } = weather
  assert.deepEqual(toolsOf(seen()[0]), [wireFunction])
  assert.deepEqual(messagesOf(seen()[1]), PARIS_TURNS)
})

test('a streamed tool loop that replays its own items, without storage, shows the provider the same', async () => {
  const seen = stage.script(calls(PARIS), says('Sunny.'))
  const question: ResponseInputItem = { role: 'user', content: 'Weather in Paris?' }
  const common = { model: MODEL, tools: [weather], store: false }
  const { final: first } = await streamed(client, { ...common, input: [question] })
  // The SDK adds parsed_arguments to what the server said; a client replays it as it is.
  const replayed = first.output as ResponseInputItem[]
  const { final } = await streamed(client, { ...common, input: [question, ...replayed, ...outputsFor(first)] })
  assert.equal(final.output_text, 'Sunny.')
  assert.deepEqual(messagesOf(seen()[1]), PARIS_TURNS)
})

test('parallel calls come apart, and both outputs go back, in the order of the calls', async () => {
  const seen = stage.script(calls(PARIS, ROME), says('Sunny in both.'))
  const { final: first } = await streamed(client, { model: MODEL, input: 'Paris and Rome?', tools: [weather] })
  assert.deepEqual(
    callsOf(first).map(({ call_id, arguments: given }) => [call_id, given]),
    [
      ['call_paris', '{"city":"Paris"}'],
      ['call_rome', '{"city":"Rome"}'],
    ],
  )
  const { final } = await streamed(client, {
    model: MODEL,
    previous_response_id: first.id,
    input: outputsFor(first).toReversed(),
    tools: [weather],
  })
  assert.equal(final.output_text, 'Sunny in both.')
  assert.deepEqual(messagesOf(seen()[1]).slice(1), [
    assistantCalls(PARIS, ROME),
    { role: 'tool', tool_call_id: 'call_paris', content: 'Sunny in Paris.' },
    { role: 'tool', tool_call_id: 'call_rome', content: 'Sunny in Rome.' },
  ])
})

test('parallel calls whose arguments arrive interleaved come apart too', async () => {
  const piece = (index: number, text: string) => ({ tool_calls: [{ index, function: { arguments: text } }] })
  const begin = (index: number, id: string) => ({
    tool_calls: [{ index, id, type: 'function', function: { name: 'get_weather', arguments: '' } }],
  })
  stage.script(
    speaks(
      [
        begin(0, 'call_a'),
        begin(1, 'call_b'),
        piece(0, '{"city":'),
        piece(1, '{"city":"Ro'),
        piece(0, '"Paris"}'),
        piece(1, 'me"}'),
      ],
      'tool_calls',
    ),
  )
  const { final } = await streamed(client, { model: MODEL, input: 'Paris and Rome?', tools: [weather] })
  assert.deepEqual(
    callsOf(final).map(({ call_id, arguments: given }) => [call_id, given]),
    [
      ['call_a', '{"city":"Paris"}'],
      ['call_b', '{"city":"Rome"}'],
    ],
  )
})

test('parallel_tool_calls and tool_choice reach the provider', async () => {
  const seen = stage.script(calls(PARIS))
  await client.responses.create({
    model: MODEL,
    input: 'Weather?',
    tools: [weather],
    parallel_tool_calls: false,
    tool_choice: { type: 'function', name: 'get_weather' },
  })
  assert.equal(bodyOf(seen()[0])['parallel_tool_calls'], false)
  assert.deepEqual(bodyOf(seen()[0])['tool_choice'], { type: 'function', function: { name: 'get_weather' } })
})

test('zodResponsesFunction() gets its arguments parsed, streamed or not', async () => {
  const answer = calls(PARIS)
  stage.script(answer, answer)
  const tool = zodResponsesFunction({ name: 'get_weather', parameters: z.object({ city: z.string() }) })
  const body = { model: MODEL, input: 'Weather in Paris?', tools: [tool] }
  const parsed = await client.responses.parse(body)
  const { final } = await streamed(client, body)
  for (const response of [parsed, final]) {
    const [call] = response.output
    assert.deepEqual(call?.type === 'function_call' && call.parsed_arguments, { city: 'Paris' })
  }
})

test('a tool output may be made of parts', async () => {
  const seen = stage.script(calls(PARIS), says('A picture.'))
  const first = await client.responses.create({ model: MODEL, input: 'Draw Paris.', tools: [weather] })
  await client.responses.create({
    model: MODEL,
    previous_response_id: first.id,
    input: [
      {
        type: 'function_call_output',
        call_id: 'call_paris',
        output: [
          { type: 'input_text', text: 'Page 1.' },
          { type: 'input_text', text: 'Page 2.' },
        ],
      },
    ],
  })
  assert.deepEqual(messagesOf(seen()[1]).at(-1), {
    role: 'tool',
    tool_call_id: 'call_paris',
    content: [
      { type: 'text', text: 'Page 1.' },
      { type: 'text', text: 'Page 2.' },
    ],
  })
})

test('a custom tool is offered as a function of one string and called with plain text', async () => {
  const seen = stage.script(calls({ id: 'call_sql', name: 'run_sql', arguments: { input: 'SELECT 1' } }), says('One.'))
  const tool = { type: 'custom', name: 'run_sql', description: 'Runs SQL.' } as const
  const { final, events } = await streamed(client, { model: MODEL, input: 'Select one.', tools: [tool] })
  const [call] = final.output
  assert.ok(call?.type === 'custom_tool_call')
  assert.equal(call.input, 'SELECT 1')
  assert.ok(events.some(({ type }) => type === 'response.custom_tool_call_input.done'))
  await client.responses.create({
    model: MODEL,
    previous_response_id: final.id,
    input: [{ type: 'custom_tool_call_output', call_id: call.call_id, output: '1' }],
    tools: [tool],
  })
  assert.deepEqual(messagesOf(seen()[1]).slice(1), [
    assistantCalls({ id: 'call_sql', name: 'run_sql', arguments: { input: 'SELECT 1' } }),
    { role: 'tool', tool_call_id: 'call_sql', content: '1' },
  ])
})

const unpaired = [
  {
    what: 'an output without its call',
    input: [{ type: 'function_call_output', call_id: 'call_unknown', output: 'x' }],
  },
  {
    what: 'a call without its output',
    input: [
      { type: 'function_call', call_id: 'call_open', name: 'get_weather', arguments: '{}' },
      { role: 'user', content: 'And?' },
    ],
  },
] as const satisfies { what: string; input: ResponseInputItem[] }[]
for (const { what, input } of unpaired) {
  test(`${what} is refused before any provider is asked`, async () => {
    const seen = stage.script()
    await assert.rejects(client.responses.create({ model: MODEL, input: [...input], tools: [weather] }), {
      status: 400,
      code: 'invalid_value',
      param: 'input',
    })
    assert.deepEqual(seen(), [])
  })
}
