import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CreateRequest } from '../protocol/create-request.ts'
import { checkCapability, fitModalities, checkSupported, traitsOf, type ModelTraits } from './capability.ts'
import type { HistoryItem } from './model-call.ts'
import { apiFault } from './testing/api-fault.ts'

const models = [
  { model: 'gpt-4o', streaming: true, reasoning: undefined },
  { model: 'gpt-4.1-mini', streaming: true, reasoning: undefined },
  { model: 'gpt-5', streaming: true, reasoning: true },
  { model: 'gpt-5-mini', streaming: true, reasoning: true },
  { model: 'gpt-5-2025-08-07', streaming: true, reasoning: true },
  { model: 'gpt-5.2', streaming: true, reasoning: undefined },
  { model: 'gpt-5-chat-latest', streaming: true, reasoning: undefined },
  { model: 'o1', streaming: true, reasoning: true },
  { model: 'o1-mini', streaming: true, reasoning: true },
  { model: 'o3', streaming: true, reasoning: true },
  { model: 'o3-mini', streaming: true, reasoning: true },
  { model: 'o4-mini', streaming: true, reasoning: true },
  { model: 'o2-mini', streaming: true, reasoning: undefined },
  { model: 'o11', streaming: true, reasoning: undefined },
  { model: 'olmo3', streaming: true, reasoning: undefined },
  { model: 'TEE/deepseek-r1', streaming: false, reasoning: undefined },
  { model: 'tee/deepseek-r1', streaming: true, reasoning: undefined },
  { model: 'team/TEE/model', streaming: true, reasoning: undefined },
]
for (const { model, streaming, reasoning } of models) {
  test(`traitsOf() says of ${model}: streaming ${streaming}, reasoning ${reasoning}`, () => {
    assert.deepEqual(traitsOf(model), {
      streaming,
      reasoning,
      input: undefined,
      contextWindow: undefined,
      maxOutputTokens: undefined,
    })
  })
}

for (const model of ['o3-deep-research', 'o4-mini-deep-research-2025-06-26', 'openai/o3-deep-research']) {
  test(`checkSupported() refuses ${model}`, () => {
    const message = `Deep research models such as ${model} are not supported.`
    assert.throws(() => checkSupported(model), apiFault('model_not_supported', 'model', message))
  })
}

test('checkSupported() shows 64 characters of a name at most', () => {
  const model = `${'x'.repeat(70)}-deep-research`
  const message = `Deep research models such as ${'x'.repeat(64)} are not supported.`
  assert.throws(() => checkSupported(model), apiFault('model_not_supported', 'model', message))
})

for (const model of ['o3', 'deep-research', 'deepresearch-1']) {
  test(`checkSupported() accepts ${model}`, () => assert.doesNotThrow(() => checkSupported(model)))
}

const KNOWN: ModelTraits = { ...traitsOf('any'), streaming: true, reasoning: true }
const BASE: CreateRequest = { model: 'o3-mini', input: 'Hello' }

test('checkCapability() refuses to stream a model that cannot, and names the way that can', () => {
  assert.throws(
    () => checkCapability({ ...BASE, model: 'TEE/deepseek-r1', stream: true }, traitsOf('TEE/deepseek-r1')),
    apiFault(
      'streaming_not_supported',
      'stream',
      'TEE/deepseek-r1 cannot stream here. Send stream: false, or use /v1/chat/completions.',
    ),
  )
})

for (const param of ['temperature', 'top_p'] as const) {
  test(`checkCapability() refuses ${param} for a reasoning model, even at its default`, () => {
    assert.throws(
      () => checkCapability({ ...BASE, [param]: 1 }, KNOWN),
      apiFault('unsupported_parameter', param, `Unsupported parameter: '${param}' is not supported with this model.`),
    )
  })
}

const capable: readonly { name: string; request: Partial<CreateRequest>; traits: ModelTraits }[] = [
  { name: 'a stream of a model that can', request: { stream: true }, traits: KNOWN },
  { name: 'no stream of a model that cannot', request: { stream: false }, traits: traitsOf('TEE/a') },
  { name: 'null for stream of a model that cannot', request: { stream: null }, traits: traitsOf('TEE/a') },
  { name: 'null for sampling of a reasoning model', request: { temperature: null, top_p: null }, traits: KNOWN },
  {
    name: 'sampling of a model that does not reason',
    request: { temperature: 0, top_p: 0 },
    traits: { ...KNOWN, reasoning: false },
  },
  { name: 'sampling of a model nobody knows', request: { temperature: 0, top_p: 0 }, traits: traitsOf('any') },
]
for (const { name, request, traits } of capable) {
  test(`checkCapability() accepts ${name}`, () => {
    assert.doesNotThrow(() => checkCapability({ ...BASE, ...request }, traits))
  })
}

const image = { type: 'input_image', image_url: 'https://example.com/a.png' } as const
const file = { type: 'input_file', file_data: 'SGk=' } as const
const text = { type: 'input_text', text: 'Hello' } as const
const TEXT_ONLY: ModelTraits = { ...KNOWN, input: ['text'] }
const TEXT_AND_IMAGES: ModelTraits = { ...KNOWN, input: ['text', 'image'] }

const unreadable: readonly { name: string; item: HistoryItem; traits: ModelTraits; message: string }[] = [
  {
    name: 'an image in a message',
    item: { type: 'message', role: 'user', parts: [text, image] },
    traits: TEXT_ONLY,
    message: 'This model reads text only, but the input has input_image parts.',
  },
  {
    name: 'an image in a tool output',
    item: { type: 'function_call_output', callId: 'a', output: [image] },
    traits: TEXT_ONLY,
    message: 'This model reads text only, but the input has input_image parts.',
  },
  {
    name: 'a file where images are read',
    item: { type: 'message', role: 'developer', parts: [image, file] },
    traits: TEXT_AND_IMAGES,
    message: 'This model reads text and image only, but the input has input_file parts.',
  },
]
for (const { name, item, traits, message } of unreadable) {
  test(`fitModalities() refuses ${name}`, () => {
    assert.throws(() => fitModalities([item], traits), apiFault('unsupported_input', 'input', message))
  })
}

const readable: readonly { name: string; item: HistoryItem; traits: ModelTraits }[] = [
  { name: 'anything where nobody said', item: { type: 'message', role: 'user', parts: [image, file] }, traits: KNOWN },
  {
    name: 'images where they are read',
    item: { type: 'message', role: 'user', parts: [image] },
    traits: TEXT_AND_IMAGES,
  },
  { name: 'text', item: { type: 'message', role: 'user', parts: [text] }, traits: TEXT_ONLY },
  {
    name: 'an output as text',
    item: { type: 'function_call_output', callId: 'a', output: 'input_image' },
    traits: TEXT_ONLY,
  },
  {
    name: 'what an assistant said',
    item: { type: 'message', role: 'assistant', parts: [{ type: 'output_text', text: 'Hi.' }] },
    traits: TEXT_ONLY,
  },
]
for (const { name, item, traits } of readable) {
  test(`fitModalities() accepts ${name}`, () => {
    assert.deepEqual(fitModalities([item], traits), { history: [item], warnings: [] })
  })
}

test('What was answered before is left out, with a warning; what was not is refused', () => {
  const seen: HistoryItem = { type: 'message', role: 'user', parts: [text, image] }
  const given: HistoryItem = { type: 'function_call_output', callId: 'a', output: [file] }
  const answer: HistoryItem = { type: 'message', role: 'assistant', parts: [{ type: 'output_text', text: 'Hi.' }] }
  const { history, warnings } = fitModalities([seen, given, answer], TEXT_ONLY)
  assert.deepEqual(history, [
    { ...seen, parts: [text, { type: 'input_text', text: '(An image is left out here.)' }] },
    { ...given, output: [{ type: 'input_text', text: '(A file is left out here.)' }] },
    answer,
  ])
  assert.deepEqual(warnings, ['images and files of earlier turns were left out: the model does not read them'])
  assert.throws(() => fitModalities([answer, seen], TEXT_ONLY), /input has input_image parts/)
})
