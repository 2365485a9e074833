import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HistoryItem, ModelCall } from '../../core/model-call.ts'
import { assistant, user } from '../testing/model-call.ts'
import type { DialectName } from './tables.ts'
import { messagesRequest, sentFields } from './testing/request.ts'

const enabled = (budget_tokens: number) => ({ thinking: { type: 'enabled', budget_tokens } })
const adaptive = (effort: string, display = true) => ({
  thinking: { type: 'adaptive', ...(display ? { display: 'summarized' } : {}) },
  output_config: { effort },
})
const TOOL = { name: 'f', description: undefined, parameters: undefined, strict: undefined }

/** What an effort becomes, and of what the client is warned. */
const rows: readonly {
  readonly model: string
  readonly asked: Partial<ModelCall>
  readonly sent: object
  readonly warning?: RegExp
}[] = [
  { model: 'claude-opus-4-1', asked: { effort: 'minimal' }, sent: enabled(1024) },
  { model: 'claude-sonnet-4-5', asked: { effort: 'low' }, sent: enabled(4096) },
  { model: 'claude-sonnet-4-5', asked: { effort: 'max' }, sent: enabled(51_200) },
  { model: 'claude-opus-4-1', asked: { effort: 'xhigh' }, sent: enabled(25_600) },
  { model: 'claude-sonnet-4-5', asked: { effort: 'high', maxOutputTokens: 1280 }, sent: enabled(1024) },
  {
    model: 'claude-sonnet-4-5',
    asked: { effort: 'high', maxOutputTokens: 1279 },
    sent: {},
    warning: /max_output_tokens leaves too few tokens/,
  },
  { model: 'claude-sonnet-4-5', asked: { effort: 'none' }, sent: {} },
  { model: 'claude-sonnet-4-5', asked: { summary: 'auto' }, sent: {} },
  {
    model: 'claude-sonnet-4-5',
    asked: { effort: 'high', tools: [TOOL], toolChoice: 'required' },
    sent: {},
    warning: /does not think where it must call a tool/,
  },
  { model: 'claude-3-5-haiku', asked: { effort: 'high' }, sent: {}, warning: /does not think before it answers/ },
  { model: 'claude-opus-4-6', asked: { effort: 'high' }, sent: adaptive('high', false) },
  {
    model: 'claude-opus-4-6',
    asked: { effort: 'xhigh' },
    sent: adaptive('high', false),
    warning: /xhigh was sent as high/,
  },
  { model: 'claude-opus-4-8', asked: { effort: 'none' }, sent: {} },
  { model: 'claude-opus-4-8', asked: { summary: 'auto' }, sent: {} },
  { model: 'claude-opus-4-8', asked: { effort: 'xhigh' }, sent: adaptive('xhigh') },
  {
    model: 'claude-opus-4-8',
    asked: { effort: 'high', tools: [TOOL], toolChoice: 'required' },
    sent: adaptive('high'),
  },
  { model: 'claude-sonnet-5', asked: {}, sent: {} },
  { model: 'claude-sonnet-5', asked: { effort: 'none' }, sent: { thinking: { type: 'disabled' } } },
  {
    model: 'claude-sonnet-5',
    asked: { summary: 'auto' },
    sent: { thinking: { type: 'adaptive', display: 'summarized' } },
  },
  {
    model: 'claude-haiku-5-5',
    asked: { effort: 'minimal' },
    sent: adaptive('low'),
    warning: /minimal was sent as low/,
  },
  {
    model: 'claude-sonnet-5-5',
    asked: { effort: 'none' },
    sent: { thinking: { type: 'between_tools' } },
    warning: /none was sent as between_tools/,
  },
  { model: 'claude-opus-5-5', asked: { effort: 'none' }, sent: adaptive('low'), warning: /none was sent as low/ },
  { model: 'claude-fable-5-1', asked: { effort: 'max' }, sent: adaptive('max') },
  { model: 'gpt-oss:20b', asked: { effort: 'low' }, sent: enabled(4096) },
  { model: 'gpt-oss:20b', asked: { effort: 'none' }, sent: { thinking: { type: 'disabled' } } },
]
for (const { model, asked, sent, warning } of rows) {
  test(`${model} asked for ${JSON.stringify(asked)} is sent ${JSON.stringify(sent)}`, () => {
    const request = messagesRequest({ model, ...asked })
    assert.deepEqual(sentFields(request, 'thinking', 'output_config'), sent)
    assert.equal(request.warnings.length, warning === undefined ? 0 : 1, request.warnings.join())
    if (warning !== undefined) assert.match(request.warnings.join(), warning)
  })
}

test('Effort and a schema stand side by side', () => {
  const schema = { type: 'object', properties: {}, additionalProperties: false }
  const format = { type: 'json_schema', name: 'x', schema } as const
  const { body } = messagesRequest({ model: 'claude-opus-5', effort: 'low', format })
  assert.deepEqual(body['output_config'], { effort: 'low', format: { type: 'json_schema', schema } })
})

const THOUGHT: HistoryItem = {
  type: 'reasoning',
  text: '',
  state: { type: 'thinking', thinking: '', signature: 'c2lnbmVk' },
}
const DROPS = { block_binding: { prefix_mismatch_behavior: 'drop_block' } }

/** Where thinking of earlier turns may no longer fit what stands before it. */
const bindings: readonly {
  readonly says: string
  readonly asked: Partial<ModelCall>
  readonly dialect?: DialectName
  readonly thinking: object | undefined
}[] = [
  { says: 'a model that binds it', asked: { model: 'claude-opus-5-5' }, thinking: { type: 'adaptive', ...DROPS } },
  {
    says: 'the same with an effort',
    asked: { model: 'claude-opus-5-5', effort: 'low' },
    thinking: { type: 'adaptive', display: 'summarized', ...DROPS },
  },
  { says: 'one that does not', asked: { model: 'claude-opus-5' }, thinking: undefined },
  {
    says: 'one that is asked not to think',
    asked: { model: 'claude-haiku-5-5', effort: 'none' },
    thinking: { type: 'disabled' },
  },
  {
    says: 'somebody else behind the wire',
    asked: { model: 'claude-opus-5-5' },
    dialect: 'compatible',
    thinking: undefined,
  },
]
for (const { says, asked, dialect = 'anthropic', thinking } of bindings) {
  test(`Thinking that does not fit any more: ${says}`, () => {
    const history = [user('Hi'), THOUGHT, assistant('Yes?'), user('Go on.')]
    const request = messagesRequest({ ...asked, history }, dialect)
    assert.deepEqual(request.body['thinking'], thinking)
    assert.equal(request.usesBinding, JSON.stringify(thinking ?? '').includes('block_binding'))
  })
}

test('Without thinking of earlier turns, nothing is said of what becomes of it', () => {
  const request = messagesRequest({ model: 'claude-opus-5-5' })
  assert.deepEqual([request.body['thinking'], request.usesBinding], [undefined, false])
})
