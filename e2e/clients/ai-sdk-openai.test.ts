import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createOpenAI } from '@ai-sdk/openai'
import { generateText, type ModelMessage } from 'ai'
import { TEST_KEY } from '../harness/server.ts'
import { says } from '../harness/upstream.ts'
import { messagesOf, MODEL, speaks, startStage } from './support.ts'

const stage = await startStage()
after(() => stage.close())
const model = createOpenAI({ baseURL: stage.server.base, apiKey: TEST_KEY })(MODEL)

test('an earlier assistant message is replayed as item_reference, and the provider is shown it', async () => {
  const seen = stage.script(says('Blue.'), says('Indeed.'))
  const question: ModelMessage = { role: 'user', content: 'Which colour?' }
  const first = await generateText({ model, messages: [question], maxRetries: 0 })
  const sent: unknown[] = []
  const spied = createOpenAI({
    baseURL: stage.server.base,
    apiKey: TEST_KEY,
    fetch: (url, init) => {
      sent.push(init?.body)
      return fetch(url, init)
    },
  })
  const again: ModelMessage = { role: 'user', content: 'Sure?' }
  await generateText({ model: spied(MODEL), messages: [question, ...first.responseMessages, again], maxRetries: 0 })
  const [body] = sent
  assert.ok(typeof body === 'string')
  const { input } = JSON.parse(body) as { input: { type?: string }[] }
  assert.deepEqual(
    input.map(({ type }) => type),
    [undefined, 'item_reference', undefined],
  )
  assert.deepEqual(messagesOf(seen()[1]), [
    { role: 'user', content: 'Which colour?' },
    { role: 'assistant', content: 'Blue.' },
    { role: 'user', content: 'Sure?' },
  ])
})

test('previousResponseId carries the thread', async () => {
  const seen = stage.script(says('Blue.'), says('Indeed.'))
  const first = await generateText({ model, prompt: 'Which colour?', maxRetries: 0 })
  const previousResponseId = first.providerMetadata?.['openai']?.['responseId']
  assert.ok(typeof previousResponseId === 'string')
  const second = await generateText({
    model,
    prompt: 'Sure?',
    providerOptions: { openai: { previousResponseId } },
    maxRetries: 0,
  })
  assert.equal(second.text, 'Indeed.')
  assert.deepEqual(
    messagesOf(seen()[1]).map(({ content }) => content),
    ['Which colour?', 'Blue.', 'Sure?'],
  )
})

test('without storage, signed reasoning goes round sealed and reaches the provider as it was', async () => {
  const details = [{ type: 'reasoning.text', index: 0, text: 'Hmm.', signature: 'sig-123', format: 'acme-v1' }]
  const seen = stage.script(speaks([{ reasoning_details: details }, { content: 'Yes.' }]), says('Sure.'))
  const providerOptions = {
    openai: { store: false, include: ['reasoning.encrypted_content'], forceReasoning: true },
  }
  const question: ModelMessage = { role: 'user', content: 'Is it so?' }
  const first = await generateText({ model, messages: [question], providerOptions, maxRetries: 0 })
  assert.equal(first.reasoningText, 'Hmm.')
  const again: ModelMessage = { role: 'user', content: 'Sure?' }
  const messages = [question, ...first.responseMessages, again]
  await generateText({ model, messages, providerOptions, maxRetries: 0 })
  assert.deepEqual(messagesOf(seen()[1]), [
    { role: 'user', content: 'Is it so?' },
    { role: 'assistant', content: 'Yes.', reasoning_details: details },
    { role: 'user', content: 'Sure?' },
  ])
})
