import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelCall } from '../../core/model-call.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { createCallFilter } from '../fields.ts'
import { modelCall } from '../testing/model-call.ts'
import { asksForSeals, DIALECTS, fieldsOf, type DialectName } from './tables.ts'
import { bodyIn, requestIn } from './testing/request.ts'

const SEALED = ['reasoning.encrypted_content']
const LOGPROBS = ['message.output_text.logprobs']
const SCHEMA = { type: 'object' } as const

const rows: readonly { dialect: DialectName; call: Partial<ModelCall>; sent: JsonObject; says: string }[] = [
  {
    dialect: 'openai',
    call: { model: 'gpt-5.5', effort: 'max', summary: 'auto' },
    sent: { reasoning: { effort: 'max', summary: 'auto' }, include: SEALED },
    says: 'effort and summary stand together',
  },
  {
    dialect: 'xai',
    call: { effort: 'xhigh' },
    sent: { reasoning: { effort: 'high' }, include: SEALED },
    says: 'an effort that is too high is the highest',
  },
  {
    dialect: 'lmstudio',
    call: { effort: 'none' },
    sent: {},
    says: 'no effort is never raised to some',
  },
  {
    dialect: 'openai',
    call: { model: 'gpt-4.1', topLogprobs: 0 },
    sent: { include: LOGPROBS },
    says: 'log probabilities without rivals',
  },
  {
    dialect: 'xai',
    call: { topLogprobs: 3 },
    sent: { include: SEALED, logprobs: true, top_logprobs: 3 },
    says: 'log probabilities have a field of their own',
  },
  {
    dialect: 'vllm',
    call: { format: { type: 'json_object' }, seed: 7 },
    sent: { text: { format: { type: 'json_schema', name: 'object', schema: SCHEMA } }, seed: 7 },
    says: 'JSON without a schema is an object of any fields',
  },
  {
    dialect: 'openai',
    call: {
      model: 'gpt-4.1',
      verbosity: 'high',
      format: { type: 'json_schema', name: 'a', schema: SCHEMA, description: 'An a.', strict: false },
    },
    sent: {
      text: {
        format: { type: 'json_schema', name: 'a', description: 'An a.', schema: SCHEMA, strict: false },
        verbosity: 'high',
      },
    },
    says: 'format and verbosity stand together',
  },
]
for (const { dialect, call, sent, says } of rows) {
  test(`${dialect}: ${says}`, () => {
    const { model, store, stream, input, ...rest } = bodyIn(dialect, call)
    assert.deepEqual(rest, sent)
    assert.deepEqual([store, stream, input !== undefined, typeof model], [false, true, true, 'string'])
  })
}

const seals: readonly { dialect: DialectName; model: string; effort?: ModelCall['effort']; asks: boolean }[] = [
  { dialect: 'openai', model: 'gpt-5.5', asks: true },
  { dialect: 'openai', model: 'gpt-12', asks: true },
  { dialect: 'openai', model: 'o4-mini', asks: true },
  { dialect: 'openai', model: 'codex-mini-latest', asks: true },
  { dialect: 'openai', model: 'gpt-4.1-mini', asks: false },
  { dialect: 'openai', model: 'gpt-5-chat-latest', asks: false },
  { dialect: 'azure', model: 'my-deployment', asks: false },
  { dialect: 'azure', model: 'my-deployment', effort: 'low', asks: true },
  { dialect: 'azure', model: 'my-deployment', effort: 'none', asks: false },
  { dialect: 'xai', model: 'grok-4.3', asks: true },
  { dialect: 'deepseek', model: 'deepseek-v4-flash', asks: false },
]
for (const { dialect, model, effort, asks } of seals) {
  test(`${dialect} is ${asks ? '' : 'not '}asked to encrypt what ${model} thinks with effort ${effort}`, () => {
    assert.equal(asksForSeals(DIALECTS[dialect].quirks, { model, effort }), asks)
  })
}

test('a provider that reads no format is never sent one: JSON is refused, and schemas are the engine’s', () => {
  const { quirks } = DIALECTS.lmstudio
  const filter = createCallFilter(fieldsOf(quirks), quirks.content)
  assert.throws(() => filter(modelCall({ format: { type: 'json_object' } })), /ask for json_schema/)
})

test('an effort that was changed is told of', () => {
  assert.deepEqual(requestIn('xai', { effort: 'max' }).warnings, ['reasoning.effort max was sent as high'])
})

test('a model that cannot stream is not asked to', () => {
  assert.equal('stream' in bodyIn('openai', { canStream: false }), false)
})

test('nothing is ever stored at a provider, and nothing looked up there', () => {
  for (const dialect of Object.keys(DIALECTS) as DialectName[]) {
    const body = bodyIn(dialect, { metadata: { team: 'a' } })
    assert.deepEqual([body['store'], body['previous_response_id'], body['metadata']], [false, undefined, undefined])
  }
})
