import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createOpenResponses } from '@ai-sdk/open-responses'
import { createOpenAI } from '@ai-sdk/openai'
import { tool as langChainTool } from '@langchain/core/tools'
import { ChatOpenAI } from '@langchain/openai'
import { Agent, run, setDefaultOpenAIClient, setTracingDisabled, tool as agentTool } from '@openai/agents'
import { generateText, streamText, tool as aiTool } from 'ai'
import { z } from 'zod'
import { TEST_KEY } from '../harness/server.ts'
import { chunk, type Answer } from '../harness/upstream.ts'
import { MODEL, startStage } from './support.ts'

const stage = await startStage()
after(() => stage.close())
setTracingDisabled(true)
setDefaultOpenAIClient(stage.client)

/** What a client made of an answer that broke off: the text it gave out, and the error that it reported. */
interface Outcome {
  readonly text: string
  readonly error: string
}

/** A client reading a stream: gives out text as it comes, and throws or reports at last. */
type Reading = (give: (text: string) => void, runTool: () => string) => Promise<string | undefined>

const name = 'get_weather'
const description = 'The weather.'
const parameters = z.object({ city: z.string() })
const settings = { baseURL: stage.server.base, apiKey: TEST_KEY }

const openAiModel = createOpenAI(settings)(MODEL)
const openResponsesModel = createOpenResponses({
  name: 'antiphon',
  url: `${stage.server.base}/responses`,
  apiKey: TEST_KEY,
})(MODEL)

const readAiSdk =
  (model: Parameters<typeof streamText>[0]['model']): Reading =>
  async (give, execute) => {
    const tools = { [name]: aiTool({ description, inputSchema: parameters, execute }) }
    const errors: unknown[] = []
    const result = streamText({ model, prompt: 'Go.', tools, maxRetries: 0, onError: () => {} })
    for await (const part of result.stream) {
      if (part.type === 'text-delta') give(part.text)
      if (part.type === 'error') errors.push(part.error)
    }
    return errors.map((error) => (error instanceof Error ? error.message : 'not an error')).at(0)
  }

const chat = new ChatOpenAI({
  model: MODEL,
  useResponsesApi: true,
  apiKey: TEST_KEY,
  maxRetries: 0,
  configuration: { baseURL: stage.server.base },
})

const streaming: Readonly<Record<string, Reading>> = {
  'openai create({stream: true})': async (give) => {
    const stream = await stage.client.responses.create({ model: MODEL, input: 'Go.', stream: true })
    for await (const event of stream) if (event.type === 'response.output_text.delta') give(event.delta)
    return undefined
  },
  'openai stream()': async (give) => {
    const stream = stage.client.responses.stream({ model: MODEL, input: 'Go.' })
    stream.on('response.output_text.delta', ({ delta }) => give(delta))
    await stream.finalResponse()
    return undefined
  },
  '@openai/agents run({stream: true})': async (give, runTool) => {
    const execute = () => Promise.resolve(runTool())
    const tools = [agentTool({ name, description, parameters, execute })]
    const result = await run(new Agent({ name: 'Reader', model: MODEL, tools }), 'Go.', { stream: true })
    for await (const piece of result.toTextStream()) give(piece)
    await result.completed
    return undefined
  },
  'ai streamText() by @ai-sdk/openai': readAiSdk(openAiModel),
  'ai streamText() by @ai-sdk/open-responses': readAiSdk(openResponsesModel),
  '@langchain/openai stream()': async (give, runTool) => {
    const bound = chat.bindTools([langChainTool(runTool, { name, description, schema: parameters })])
    for await (const piece of await bound.stream('Go.')) give(piece.text)
    return undefined
  },
}

/** Reads to the end, whatever it is. @throws Where the client took the answer for a whole one. */
async function read(reading: Reading, runTool = () => 'Sunny.'): Promise<Outcome> {
  let text = ''
  const give = (piece: string) => {
    text += piece
  }
  const error = await reading(give, runTool).catch((thrown: unknown) => {
    assert.ok(thrown instanceof Error)
    return thrown.message
  })
  assert.ok(error !== undefined, `a silent success: ${text}`)
  return { text, error }
}

const half = chunk({ content: 'Half ' })

const breaks: readonly { how: string; answer: Answer; error: string }[] = [
  {
    how: 'ends without a finish',
    answer: { chunks: [half] },
    error: 'The model provider ended its answer before it was finished.',
  },
  {
    how: 'is reset',
    answer: { chunks: [half], end: 'reset' },
    error: 'The connection to the model provider broke off.',
  },
  {
    how: 'turns into garbage',
    answer: { chunks: [half, 'data: <html>\n\n'] },
    error: 'The model provider answered with something other than its protocol.',
  },
  {
    how: 'carries an error',
    answer: { chunks: [half, 'data: {"error":{"message":"Out of memory at 10.0.0.7","code":500}}\n\n'] },
    error: 'The model provider failed to answer.',
  },
]
for (const [client, reading] of Object.entries(streaming)) {
  for (const { how, answer, error } of breaks) {
    test(`${client} gives out the beginning and reports an upstream stream that ${how}`, async () => {
      const seen = stage.script(answer)
      assert.deepEqual(await read(reading), { text: 'Half ', error })
      assert.equal(seen().length, 1)
    })
  }

  test(`${client} reports a stream that breaks off inside a call, and runs no tool`, async () => {
    const begun = { tool_calls: [{ index: 0, id: 'call_1', function: { name, arguments: '{"city":"Par' } }] }
    const seen = stage.script({ chunks: [chunk(begun)] })
    let runs = 0
    const { error } = await read(reading, () => {
      runs++
      return 'Sunny.'
    })
    assert.equal(error, 'The model provider ended its answer before it was finished.')
    assert.equal(runs, 0)
    assert.equal(seen().length, 1)
  })
}

/** The same breaks where no stream was asked for: the response is `failed`, which each client must tell. */
const whole: readonly { client: string; ask: () => Promise<unknown>; error: RegExp }[] = [
  {
    client: '@openai/agents run()',
    ask: () => run(new Agent({ name: 'Reader', model: MODEL }), 'Go.'),
    error: /unsuccessful terminal state "response\.failed"/,
  },
  {
    client: 'ai generateText() by @ai-sdk/openai',
    ask: () => generateText({ model: openAiModel, prompt: 'Go.', maxRetries: 0 }),
    error: /^The connection to the model provider broke off\.$/,
  },
  {
    client: 'ai generateText() by @ai-sdk/open-responses',
    ask: () =>
      generateText({
        model: createOpenResponses({ name: 'antiphon', url: `${stage.server.base}/responses`, apiKey: TEST_KEY })(
          MODEL,
        ),
        prompt: 'Go.',
        maxRetries: 0,
      }),
    error: /^The connection to the model provider broke off\.$/,
  },
  {
    client: '@langchain/openai invoke()',
    ask: () => chat.invoke('Go.'),
    error: /^The connection to the model provider broke off\.$/,
  },
]
for (const { client, ask, error } of whole) {
  test(`${client} throws where the upstream answer broke off`, async () => {
    stage.script({ chunks: [half], end: 'reset' })
    await assert.rejects(ask(), { message: error })
  })
}

test('openai create() resolves with a failed response that says why and keeps the beginning', async () => {
  stage.script({ chunks: [half], end: 'reset' })
  const response = await stage.client.responses.create({ model: MODEL, input: 'Go.' })
  assert.equal(response.status, 'failed')
  assert.deepEqual(response.error, {
    type: 'server_error',
    code: 'server_error',
    message: 'The connection to the model provider broke off.',
  })
  assert.equal(response.output_text, 'Half ')
})
