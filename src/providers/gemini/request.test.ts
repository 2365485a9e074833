import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HistoryItem, ModelCall } from '../../core/model-call.ts'
import { modelCall } from '../testing/model-call.ts'
import { buildGeminiRequest } from './request.ts'

const TOOL = { name: 'f', description: undefined, parameters: undefined, strict: undefined }

function ask(fields: Partial<ModelCall>, dialect: 'ai-studio' | 'vertex' = 'ai-studio') {
  return buildGeminiRequest(modelCall({ model: 'gemini-3.8-flash', ...fields }), dialect)
}

const tiers = [
  { tier: 'auto', field: undefined, header: undefined },
  { tier: 'default', field: 'standard', header: undefined },
  { tier: 'flex', field: 'flex', header: 'flex' },
  { tier: 'priority', field: 'priority', header: 'priority' },
]
for (const { tier, field, header } of tiers) {
  test(`The tier ${tier} is a field to AI Studio, a header to Vertex`, () => {
    const studio = ask({ serviceTier: tier })
    const vertex = ask({ serviceTier: tier }, 'vertex')
    assert.deepEqual([studio.body['serviceTier'], studio.headers], [field, {}])
    assert.equal(vertex.body['serviceTier'], undefined)
    assert.equal(vertex.headers['x-vertex-ai-llm-shared-request-type'], header)
  })
}

const choices: readonly (readonly [fields: Partial<ModelCall>, config: object | undefined])[] = [
  [{ tools: [TOOL] }, undefined],
  [{ tools: [TOOL], toolChoice: 'auto' }, { mode: 'AUTO' }],
  [{ tools: [TOOL, { ...TOOL, strict: true }], toolChoice: 'auto' }, { mode: 'VALIDATED' }],
  [{ tools: [{ ...TOOL, strict: true }], toolChoice: 'none' }, { mode: 'NONE' }],
  [{ tools: [{ ...TOOL, strict: true }], toolChoice: 'required' }, { mode: 'ANY' }],
  [{ tools: [], toolChoice: 'required' }, undefined],
]
for (const [fields, config] of choices) {
  test(`${JSON.stringify(fields)} asks for ${JSON.stringify(config)}`, () => {
    const { toolConfig } = ask(fields).body
    assert.deepEqual(toolConfig, config === undefined ? undefined : { functionCallingConfig: config })
  })
}

test('Of tools that must be called, Google itself sees to who is left out; of others, nobody else is offered', () => {
  const some = { tools: [TOOL], allTools: [{ ...TOOL, name: 'g' }, TOOL] }
  const must = ask({ ...some, toolChoice: 'required' }).body
  assert.deepEqual(must['tools'], [{ functionDeclarations: [{ name: 'g' }, { name: 'f' }] }])
  assert.deepEqual(must['toolConfig'], { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] } })
  const may = ask({ ...some, toolChoice: 'auto' }).body
  assert.deepEqual(may['tools'], [{ functionDeclarations: [{ name: 'f' }] }])
  assert.deepEqual(may['toolConfig'], { functionCallingConfig: { mode: 'AUTO' } })
})

test('Instructions come before what the system says first', () => {
  const system: HistoryItem = { type: 'message', role: 'system', parts: [{ type: 'input_text', text: 'Be kind.' }] }
  const { systemInstruction, contents } = ask({ instructions: 'Be brief.', history: [system] }).body
  assert.deepEqual(systemInstruction, { parts: [{ text: 'Be brief.' }, { text: 'Be kind.' }] })
  assert.deepEqual(contents, [{ role: 'user', parts: [{ text: '(The user said nothing.)' }] }])
})

test('The detail of an image is left out with a warning before Gemini 3', () => {
  const image = { type: 'input_image', image_url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'original' } as const
  const history: HistoryItem[] = [{ type: 'message', role: 'user', parts: [image] }]
  const inlineData = { mimeType: 'image/png', data: 'iVBORw0KGgo=' }
  const early = ask({ model: 'gemini-2.5-flash', history })
  assert.deepEqual(early.warnings, ['the detail of images was left out: the model does not take it'])
  assert.deepEqual(early.body['contents'], [{ role: 'user', parts: [{ inlineData }] }])
  const mediaResolution = { level: 'MEDIA_RESOLUTION_ULTRA_HIGH' }
  assert.deepEqual(ask({ history }).body['contents'], [{ role: 'user', parts: [{ inlineData, mediaResolution }] }])
})

test('Log probabilities without rivals are asked for without a number', () => {
  assert.deepEqual(ask({ topLogprobs: 0 }).body['generationConfig'], { responseLogprobs: true })
})
