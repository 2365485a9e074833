import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  Agent,
  handoff,
  OpenAIProvider,
  Runner,
  run,
  setDefaultOpenAIClient,
  setTracingDisabled,
  tool,
  user,
  type RunStreamEvent,
} from '@openai/agents'
import { z } from 'zod'
import { TEST_KEY } from '../harness/server.ts'
import { says } from '../harness/upstream.ts'
import {
  bodyOf,
  calls,
  messagesOf,
  MODEL,
  PARIS,
  PARIS_TURNS,
  speaks,
  startStage,
  toolsOf,
  weatherFormat,
} from './support.ts'

const stage = await startStage()
after(() => stage.close())
setTracingDisabled(true)
setDefaultOpenAIClient(stage.client)

const weather = tool({
  name: 'get_weather',
  description: 'The weather of a city.',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => Promise.resolve(`Sunny in ${city}.`),
})

const REPORT_TURNS = [{ role: 'system', content: 'Use the tool.' }, ...PARIS_TURNS]

const reporter = new Agent({ name: 'Reporter', instructions: 'Use the tool.', model: MODEL, tools: [weather] })

test('run() answers with a text; no empty list of tools reaches the provider', async () => {
  const seen = stage.script(says('Hello.'))
  const result = await run(new Agent({ name: 'Greeter', instructions: 'Be kind.', model: MODEL }), 'Greet me.')
  assert.equal(result.finalOutput, 'Hello.')
  assert.deepEqual(messagesOf(seen()[0]), [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'Greet me.' },
  ])
  assert.equal(bodyOf(seen()[0])['tools'], undefined)
  assert.equal(result.state.usage.totalTokens, 8)
})

test('a provider made from a base URL and a key works like the default client', async () => {
  stage.script(says('Hello.'))
  const modelProvider = new OpenAIProvider({ baseURL: stage.server.base, apiKey: TEST_KEY, useResponses: true })
  const runner = new Runner({ modelProvider, tracingDisabled: true })
  const result = await runner.run(new Agent({ name: 'Greeter', model: MODEL }), 'Greet me.')
  assert.equal(result.finalOutput, 'Hello.')
  await modelProvider.close()
})

test('a streamed run() brings the text as it comes, and its final output', async () => {
  stage.script(speaks([{ content: 'One ' }, { content: 'two.' }]))
  const result = await run(new Agent({ name: 'Counter', model: MODEL }), 'Count.', { stream: true })
  let text = ''
  for await (const piece of result.toTextStream()) text += piece
  await result.completed
  assert.equal(text, 'One two.')
  assert.equal(result.finalOutput, 'One two.')
})

test('outputType reads the answer by a schema, which the provider is sent', async () => {
  const seen = stage.script(says('{"city":"Paris","degrees":21}'))
  const outputType = z.object({ city: z.string(), degrees: z.number() })
  const result = await run(new Agent({ name: 'Clerk', model: MODEL, outputType }), 'Weather in Paris?')
  assert.deepEqual(result.finalOutput, { city: 'Paris', degrees: 21 })
  assert.deepEqual(bodyOf(seen()[0])['response_format'], weatherFormat('output'))
})

const ways = [
  { how: 'whole', stream: false },
  { how: 'streamed', stream: true },
] as const
for (const { how, stream } of ways) {
  test(`a tool loop runs to its end (${how}), and the next turn has all of it`, async () => {
    const seen = stage.script(calls(PARIS), says('It is sunny in Paris.'), says('You asked about Paris.'))
    const first = await ask(reporter, 'Weather in Paris?', stream)
    assert.equal(first.finalOutput, 'It is sunny in Paris.')
    const second = await ask(reporter, [...first.history, user('What did I ask?')], stream)
    assert.equal(second.finalOutput, 'You asked about Paris.')
    assert.deepEqual(
      toolsOf(seen()[0]).map(({ name, strict }) => ({ name, strict })),
      [{ name: 'get_weather', strict: true }],
    )
    assert.deepEqual(messagesOf(seen()[1]), REPORT_TURNS)
    assert.deepEqual(messagesOf(seen()[2]), [
      ...REPORT_TURNS,
      { role: 'assistant', content: 'It is sunny in Paris.' },
      { role: 'user', content: 'What did I ask?' },
    ])
  })
}

type Input = Parameters<typeof run>[1]

async function ask(agent: typeof reporter, input: Input, stream: boolean) {
  if (!stream) return run(agent, input)
  const result = await run(agent, input, { stream: true })
  const events: RunStreamEvent[] = []
  for await (const event of result) events.push(event)
  await result.completed
  assert.ok(events.some(({ type }) => type === 'raw_model_stream_event'))
  return result
}

test('previousResponseId carries the thread: only what is new is sent, all of it reaches the provider', async () => {
  const seen = stage.script(calls(PARIS), says('It is sunny in Paris.'), says('You asked about Paris.'))
  const first = await run(reporter, 'Weather in Paris?')
  assert.ok(first.lastResponseId !== undefined)
  const second = await run(reporter, 'What did I ask?', { previousResponseId: first.lastResponseId })
  assert.equal(second.finalOutput, 'You asked about Paris.')
  const { data } = await stage.client.responses.inputItems.list(second.lastResponseId ?? '')
  assert.equal(data.length, 1)
  assert.deepEqual(messagesOf(seen()[2]), [
    ...REPORT_TURNS,
    { role: 'assistant', content: 'It is sunny in Paris.' },
    { role: 'user', content: 'What did I ask?' },
  ])
})

test('a handoff is a tool that the provider is offered, and the second agent answers', async () => {
  const seen = stage.script(
    calls({ id: 'call_hand', name: 'transfer_to_Specialist', arguments: {} }),
    says('Specialist here.'),
  )
  const specialist = new Agent({ name: 'Specialist', instructions: 'Know it all.', model: MODEL })
  const desk = Agent.create({ name: 'Desk', instructions: 'Hand over.', model: MODEL, handoffs: [handoff(specialist)] })
  const result = await run(desk, 'A hard question.')
  assert.equal(result.finalOutput, 'Specialist here.')
  assert.equal(result.lastAgent?.name, 'Specialist')
  assert.deepEqual(
    toolsOf(seen()[0]).map(({ name }) => name),
    ['transfer_to_Specialist'],
  )
  assert.equal(messagesOf(seen()[1])[0]?.content, 'Know it all.')
})

test('reasoning comes as an item of the run and is replayed without breaking the thread', async () => {
  const seen = stage.script(speaks([{ reasoning_content: 'Hmm.' }, { content: 'Yes.' }]), says('Sure.'))
  const agent = new Agent({ name: 'Thinker', model: MODEL })
  const first = await run(agent, 'Is it so?')
  assert.deepEqual(
    first.newItems.map(({ type }) => type),
    ['reasoning_item', 'message_output_item'],
  )
  const second = await run(agent, [...first.history, user('Sure?')])
  assert.equal(second.finalOutput, 'Sure.')
  assert.deepEqual(
    messagesOf(seen()[1]).map(({ role, content }) => [role, content]),
    [
      ['user', 'Is it so?'],
      ['assistant', 'Yes.'],
      ['user', 'Sure?'],
    ],
  )
})
