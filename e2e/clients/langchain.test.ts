import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  AIMessageChunk,
  HumanMessage,
  SystemMessage,
  type BaseMessage,
  ToolMessage,
  type UsageMetadata,
} from '@langchain/core/messages'
import { concat } from '@langchain/core/utils/stream'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI } from '@langchain/openai'
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
  refusal,
  speaks,
  startStage,
  toolsOf,
} from './support.ts'

const stage = await startStage()
after(() => stage.close())

const model = new ChatOpenAI({
  model: MODEL,
  useResponsesApi: true,
  apiKey: TEST_KEY,
  maxRetries: 0,
  configuration: { baseURL: stage.server.base },
})

const weather = tool(({ city }) => `Sunny in ${city}.`, {
  name: 'get_weather',
  description: 'The weather of a city.',
  schema: z.object({ city: z.string() }),
})

test('invoke() answers with text and usage', async () => {
  const seen = stage.script(says('Hello.'))
  const answer = await model.invoke([new SystemMessage('Be kind.'), new HumanMessage('Greet me.')])
  assert.equal(answer.text, 'Hello.')
  assert.equal(totalTokens(answer), 8)
  assert.match(answer.id ?? '', /^(?:resp|msg)_/)
  assert.deepEqual(messagesOf(seen()[0]), [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'Greet me.' },
  ])
  assert.equal(bodyOf(seen()[0])['response_format'], undefined)
})

function totalTokens(message: { usage_metadata?: unknown }): number | undefined {
  const usage = message.usage_metadata as UsageMetadata | undefined // Its own type here is `never`.
  return usage?.total_tokens
}

test('stream() brings the text as it comes, and the usage', async () => {
  stage.script(speaks([{ content: 'One ' }, { content: 'two.' }]))
  const { pieces, whole } = await readStream(model.stream('Count.'))
  assert.deepEqual(
    pieces.filter((piece) => piece !== ''),
    ['One ', 'two.'],
  )
  assert.equal(whole.text, 'One two.')
  assert.equal(totalTokens(whole), 8)
})

async function readStream(started: Promise<AsyncIterable<AIMessageChunk>>) {
  const pieces: string[] = []
  let whole = new AIMessageChunk({ content: [] })
  for await (const chunk of await started) {
    pieces.push(chunk.text)
    whole = concat(whole, chunk)
  }
  return { pieces, whole }
}

test('withStructuredOutput() reads the answer by a schema, which the provider is sent', async () => {
  const seen = stage.script(says('{"city":"Paris","degrees":21}'))
  const schema = z.object({ city: z.string(), degrees: z.number() })
  const value = await model.withStructuredOutput(schema, { name: 'weather', strict: true }).invoke('Weather in Paris?')
  assert.deepEqual(value, { city: 'Paris', degrees: 21 })
  // The schema is LangChain's own, with titles of its own.
  const { json_schema: sent } = bodyOf(seen()[0])['response_format'] as { json_schema: Record<string, unknown> }
  const { properties, required } = sent['schema'] as { properties: object; required: string[] }
  assert.deepEqual([sent['name'], sent['strict']], ['weather', true])
  assert.deepEqual(
    [Object.keys(properties), required],
    [
      ['city', 'degrees'],
      ['city', 'degrees'],
    ],
  )
})

test('withStructuredOutput() by a forced function works too', async () => {
  const seen = stage.script(calls({ id: 'call_1', name: 'weather', arguments: { city: 'Paris', degrees: 21 } }))
  const schema = z.object({ city: z.string(), degrees: z.number() })
  const value = await model
    .withStructuredOutput(schema, { name: 'weather', method: 'functionCalling' })
    .invoke('Weather in Paris?')
  assert.deepEqual(value, { city: 'Paris', degrees: 21 })
  assert.deepEqual(bodyOf(seen()[0])['tool_choice'], { type: 'function', function: { name: 'weather' } })
})

const ways = [
  { how: 'whole', ask: (messages: BaseMessage[]) => withTools.invoke(messages) },
  { how: 'streamed', ask: async (messages: BaseMessage[]) => (await readStream(withTools.stream(messages))).whole },
]
const withTools = model.bindTools([weather])
for (const { how, ask } of ways) {
  test(`a tool loop runs to its end (${how}), and the next turn has all of it`, async () => {
    const seen = stage.script(calls(PARIS), says('It is sunny in Paris.'), says('You asked about Paris.'))
    const messages: BaseMessage[] = [new HumanMessage('Weather in Paris?')]
    const called = await ask(messages)
    assert.deepEqual(
      called.tool_calls?.map(({ id, name, args }) => ({ id, name, arguments: args })),
      [PARIS],
    )
    messages.push(called)
    for (const call of called.tool_calls ?? []) {
      const output: unknown = await weather.invoke(call)
      assert.ok(output instanceof ToolMessage)
      messages.push(output)
    }
    const answer = await ask(messages)
    assert.equal(answer.text, 'It is sunny in Paris.')
    messages.push(answer, new HumanMessage('What did I ask?'))
    assert.equal((await ask(messages)).text, 'You asked about Paris.')
    assert.deepEqual(
      toolsOf(seen()[0]).map(({ name }) => name),
      ['get_weather'],
    )
    assert.deepEqual(messagesOf(seen()[1]), PARIS_TURNS)
    assert.deepEqual(messagesOf(seen()[2]), [
      ...PARIS_TURNS,
      { role: 'assistant', content: 'It is sunny in Paris.' },
      { role: 'user', content: 'What did I ask?' },
    ])
  })
}

test('zdrEnabled stores nothing and replays signed reasoning sealed', async () => {
  const details = [{ type: 'reasoning.text', index: 0, text: 'Hmm.', signature: 'sig-123', format: 'acme-v1' }]
  const seen = stage.script(speaks([{ reasoning_details: details }, { content: 'Yes.' }]), says('Sure.'))
  const private_ = new ChatOpenAI({
    model: MODEL,
    useResponsesApi: true,
    zdrEnabled: true,
    apiKey: TEST_KEY,
    maxRetries: 0,
    configuration: { baseURL: stage.server.base },
  })
  const question = new HumanMessage('Is it so?')
  const first = await private_.invoke([question])
  await private_.invoke([question, first, new HumanMessage('Sure?')])
  const id = String(first.response_metadata['id'])
  await assert.rejects(stage.client.responses.retrieve(id), { status: 404, code: 'response_not_found' })
  assert.deepEqual(messagesOf(seen()[1]), [
    { role: 'user', content: 'Is it so?' },
    { role: 'assistant', content: 'Yes.', reasoning_details: details },
    { role: 'user', content: 'Sure?' },
  ])
})

test('an error of the provider is thrown with its status and code', async () => {
  stage.script(refusal(400, 'Not like that.', { code: 'odd_request' }))
  await assert.rejects(model.invoke('Go.'), { status: 400, code: 'odd_request' })
})
