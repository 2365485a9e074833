import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { createOpenResponses } from '@ai-sdk/open-responses'
import { createOpenAI } from '@ai-sdk/openai'
import { APICallError, generateText, isStepCount, Output, streamText, tool, type ModelMessage } from 'ai'
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
  weatherFormat,
} from './support.ts'

const stage = await startStage()
after(() => stage.close())

const providers = [
  { name: '@ai-sdk/openai', model: createOpenAI({ baseURL: stage.server.base, apiKey: TEST_KEY })(MODEL) },
  {
    name: '@ai-sdk/open-responses',
    model: createOpenResponses({ name: 'antiphon', url: `${stage.server.base}/responses`, apiKey: TEST_KEY })(MODEL),
  },
]

const tools = {
  get_weather: tool({
    description: 'The weather of a city.',
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => Promise.resolve(`Sunny in ${city}.`),
  }),
}

const schema = z.object({ city: z.string(), degrees: z.number() })

for (const { name, model } of providers) {
  suite(name, () => {
    test('generateText() answers with text and usage; no choice without tools reaches the provider', async () => {
      const seen = stage.script(says('Hello.'))
      const result = await generateText({ model, instructions: 'Be kind.', prompt: 'Greet me.', maxRetries: 0 })
      assert.equal(result.text, 'Hello.')
      assert.equal(result.finishReason, 'stop')
      assert.equal(result.usage.totalTokens, 8)
      assert.deepEqual(seen()[0]?.body, {
        model: MODEL,
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: 'Greet me.' },
        ],
        stream: true,
        stream_options: { include_usage: true },
      })
    })

    test('streamText() brings the text as it comes', async () => {
      stage.script(speaks([{ content: 'One ' }, { content: 'two.' }]))
      const result = streamText({ model, prompt: 'Count.', maxRetries: 0 })
      const pieces: string[] = []
      for await (const piece of result.textStream) pieces.push(piece)
      assert.deepEqual(pieces, ['One ', 'two.'])
      assert.equal(await result.finishReason, 'stop')
      assert.equal((await result.usage).outputTokens, 3)
    })

    test('streamText() brings reasoning before the text', async () => {
      stage.script(speaks([{ reasoning_content: 'Let me ' }, { reasoning_content: 'think.' }, { content: 'Yes.' }]))
      const result = streamText({ model, prompt: 'Think.', maxRetries: 0 })
      await result.consumeStream()
      assert.equal(await result.reasoningText, 'Let me think.')
      assert.equal(await result.text, 'Yes.')
    })

    test('Output.object() reads the answer by a schema, which the provider is sent', async () => {
      const seen = stage.script(says('{"city":"Paris","degrees":21}'))
      const output = Output.object({ schema })
      const result = await generateText({ model, prompt: 'Weather in Paris?', output, maxRetries: 0 })
      assert.deepEqual(result.output, { city: 'Paris', degrees: 21 })
      assert.deepEqual(bodyOf(seen()[0])['response_format'], weatherFormat('response'))
    })

    test('Output.object() fills in while it is streamed', async () => {
      stage.script(speaks([{ content: '{"city":"Paris",' }, { content: '"degrees":21}' }]))
      const result = streamText({ model, prompt: 'Weather?', output: Output.object({ schema }), maxRetries: 0 })
      const partial: unknown[] = []
      for await (const value of result.partialOutputStream) partial.push(value)
      assert.deepEqual(partial, [{ city: 'Paris' }, { city: 'Paris', degrees: 21 }])
      assert.deepEqual(await result.output, { city: 'Paris', degrees: 21 })
    })

    for (const stream of [false, true]) {
      test(`a tool loop of two steps runs to its end (stream: ${stream}); the next turn has all of it`, async () => {
        const seen = stage.script(calls(PARIS), says('It is sunny in Paris.'), says('You asked about Paris.'))
        const question: ModelMessage = { role: 'user', content: 'Weather in Paris?' }
        const ask = stream ? askStreamed : askWhole
        const first = await ask(model, [question])
        assert.equal(first.text, 'It is sunny in Paris.')
        assert.equal(first.steps, 2)
        const again: ModelMessage = { role: 'user', content: 'What did I ask?' }
        const second = await ask(model, [question, ...first.messages, again])
        assert.equal(second.text, 'You asked about Paris.')
        assert.deepEqual(
          toolsOf(seen()[0]).map((offered) => offered['name']),
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

    test('an image and a file of a message reach the provider as data', async () => {
      const seen = stage.script(says('I see.'))
      const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
      const content = [
        { type: 'text', text: 'Look.' },
        { type: 'file', data: png, mediaType: 'image/png' },
        { type: 'file', data: btoa('%PDF-1.4 nothing'), mediaType: 'application/pdf', filename: 'a.pdf' },
      ] as const
      await generateText({ model, messages: [{ role: 'user', content: [...content] }], maxRetries: 0 })
      assert.deepEqual(messagesOf(seen()[0])[0]?.content, [
        { type: 'text', text: 'Look.' },
        { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } },
        {
          type: 'file',
          file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${btoa('%PDF-1.4 nothing')}` },
        },
      ])
    })

    test('an error of the provider is an APICallError with its message', async () => {
      stage.script(refusal(400, 'Not like that.', { code: 'odd_request' }))
      await assert.rejects(generateText({ model, prompt: 'Go.', maxRetries: 0 }), (error: unknown) => {
        assert.ok(APICallError.isInstance(error))
        assert.equal(error.statusCode, 400)
        assert.equal(error.message, 'Not like that.')
        return true
      })
    })
  })
}

type Model = (typeof providers)[number]['model']

async function askWhole(model: Model, messages: ModelMessage[]) {
  const { text, steps, responseMessages } = await generateText({
    model,
    messages,
    tools,
    stopWhen: isStepCount(3),
    maxRetries: 0,
  })
  return { text, steps: steps.length, messages: responseMessages }
}

async function askStreamed(model: Model, messages: ModelMessage[]) {
  const result = streamText({ model, messages, tools, stopWhen: isStepCount(3), maxRetries: 0 })
  await result.consumeStream()
  return { text: await result.text, steps: (await result.steps).length, messages: await result.responseMessages }
}
