import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelCall } from '../core/model-call.ts'
import type { ModelEvent } from '../core/model-event.ts'
import { modelCall } from '../core/testing/model-call.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import type { Adapter } from '../providers/adapter.ts'
import { ApiError } from '../protocol/error.ts'
import type { AnyObject } from '../protocol/optional.ts'
import { createSchemaCheck } from './schema-check.ts'
import { prepareCall } from './structured-output.ts'
import { FINISH, scriptedModel, USAGE } from './testing/scripted-model.ts'

const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }

function wanting(schema: AnyObject = SCHEMA, fields: Partial<ModelCall> = {}): ModelCall {
  return modelCall([{ type: 'message', role: 'user', parts: [{ type: 'input_text', text: 'Where?' }] }], {
    format: { type: 'json_schema', name: 'place', schema },
    ...fields,
  })
}

interface Asked {
  readonly calls: readonly ModelCall[]
  readonly events: readonly ModelEvent[]
  readonly error: unknown
}

/** Asks a provider without schemas, whose answers these are, one for each call. */
async function ask(answers: readonly (readonly ModelEvent[])[], call = wanting()): Promise<Asked> {
  const model = scriptedModel('plain', (asked) => {
    asked.accept()
    asked.say(...(answers[model.calls.length - 1] ?? []), FINISH)
  })
  const adapter: Adapter = { ...model.adapter, takesSchemas: () => false }
  const events: ModelEvent[] = []
  const error: unknown = await prepareCall(adapter, call)
    .send(new AbortController().signal, (batch) => void events.push(...batch))
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
  return { calls: model.calls.map((asked) => asked.call), events, error }
}

const text = (value: string): ModelEvent => ({ type: 'text', text: value })

test('A provider that keeps to schemas is sent the schema and nothing is held', () => {
  const { adapter } = scriptedModel('strict')
  const prepared = prepareCall(adapter, wanting())
  assert.deepEqual(prepared.warnings, [])
})

test('One that does not is told of the schema in words; a valid answer passes as it came', async () => {
  const { calls, events, error } = await ask(
    [[text('{"city":'), text('"Rome"}')]],
    wanting(SCHEMA, { instructions: 'Be brief.' }),
  )
  assert.equal(error, undefined)
  assert.deepEqual(events, [text('{"city":'), text('"Rome"}'), FINISH])
  assert.equal(calls.length, 1)
  assert.deepEqual(calls[0]?.format, { type: 'text' })
  assert.match(calls[0].instructions ?? '', /^Be brief\.\n\nAnswer with JSON alone.*"place":\n\{"type":"object"/s)
})

test('One that keeps to a part of it is sent the schema as it is, and its answer is checked and corrected', async () => {
  const answers = ['{"town":"Rome"}', '{"city":"Rome"}']
  const model = scriptedModel('partly', (asked) => asked.say(text(answers[model.calls.length - 1] ?? ''), FINISH))
  const asked: unknown[] = []
  const adapter: Adapter = {
    ...model.adapter,
    takesSchemas: (...told) => {
      asked.push(told)
      return 'in part'
    },
  }
  const call = wanting()
  const prepared = prepareCall(adapter, call)
  const events: ModelEvent[] = []
  await prepared.send(new AbortController().signal, (batch) => void events.push(...batch))
  assert.deepEqual(asked, [[call.model, false, SCHEMA]])
  assert.deepEqual(prepared.warnings, ['text.format was checked here: the provider enforces a part of its schema'])
  assert.deepEqual(model.calls[0]?.call, call)
  assert.deepEqual([model.calls[1]?.call.format, model.calls.length], [call.format, 2])
  assert.deepEqual(events[0], text('{"city":"Rome"}'))
})

test('A fence around the JSON is taken off', async () => {
  const { events } = await ask([[text('```json\n{"city":"Rome"}\n```\n')]])
  assert.deepEqual(events, [text('{"city":"Rome"}'), FINISH])
})

test('An answer that is not valid is corrected once, its text is never seen, and both are counted', async () => {
  const { calls, events, error } = await ask([
    [{ type: 'reasoning', text: 'Hm.' }, text('{"town":"Rome"}')],
    [text('{"city":"Rome"}')],
  ])
  assert.equal(error, undefined)
  assert.deepEqual(events.slice(0, 2), [{ type: 'reasoning', text: 'Hm.' }, text('{"city":"Rome"}')])
  const finish = events.at(-1)
  assert.equal(finish?.type === 'finish' && finish.usage?.total_tokens, USAGE.total_tokens * 2)
  const [said, complaint] = calls[1]?.history.slice(-2) ?? []
  assert.deepEqual(said, {
    type: 'message',
    role: 'assistant',
    parts: [{ type: 'output_text', text: '{"town":"Rome"}' }],
  })
  assert.match(JSON.stringify(complaint), /not valid against the JSON Schema.*required/)
})

test('An answer that is not valid twice is a failure that says what is wrong, after what was said', async () => {
  const { calls, events, error } = await ask([[text('Rome!')], [text('{"city":1}')]])
  assert.equal(calls.length, 2)
  const [said, finish] = events
  assert.deepEqual(said, text('{"city":1}'))
  assert.equal(finish?.type === 'finish' && finish.usage?.total_tokens, USAGE.total_tokens * 2, 'both were paid for')
  assert.ok(error instanceof ApiError)
  assert.equal(error.code, 'invalid_structured_output')
  assert.match(error.message, /\/city must be string/)
})

test('Where the second try fails, the first is counted', async () => {
  const failure = new UpstreamError({ fault: 'unavailable', message: 'Busy.' })
  const model = scriptedModel('plain', (asked) => {
    if (model.calls.length === 2) asked.fail(failure)
    else asked.say(text('Rome!'), FINISH)
  })
  const prepared = prepareCall({ ...model.adapter, takesSchemas: () => false }, wanting())
  await assert.rejects(
    prepared.send(new AbortController().signal, () => undefined),
    { problem: { ...failure.problem, accepted: true, usage: USAGE } },
  )
})

const others: readonly (readonly [what: string, said: readonly ModelEvent[]])[] = [
  [
    'a call',
    [
      text('Let me see.'),
      { type: 'tool_call', callId: '1', name: 'now' },
      { type: 'tool_arguments', callId: '1', delta: '{}' },
    ],
  ],
  ['a refusal', [{ type: 'refusal', text: 'No.' }]],
]
for (const [what, said] of others) {
  test(`An answer that is ${what} is no JSON, and passes in its order`, async () => {
    const { calls, events } = await ask([said])
    assert.equal(calls.length, 1)
    assert.deepEqual(events, [...said, FINISH])
  })
}

test('An answer that was cut short is not corrected', async () => {
  const model = scriptedModel('plain', (asked) =>
    asked.say(text('{"ci'), { type: 'finish', reason: 'max_output_tokens' }),
  )
  const events: ModelEvent[] = []
  await prepareCall({ ...model.adapter, takesSchemas: () => false }, wanting()).send(
    new AbortController().signal,
    (batch) => void events.push(...batch),
  )
  assert.deepEqual(events, [text('{"ci'), { type: 'finish', reason: 'max_output_tokens' }])
})

test('What is no schema is refused before anything is sent', async () => {
  const { calls, error } = await ask([[text('{}')]], wanting({ type: 'object', properties: { a: { pattern: '(' } } }))
  assert.equal(calls.length, 0)
  assert.ok(error instanceof ApiError)
  assert.deepEqual([error.status, error.code, error.param], [400, 'invalid_json_schema', 'text.format.schema'])
})

test('E-03: A pattern that would be tried for ever is given up', async () => {
  const check = await createSchemaCheck({ type: 'string', pattern: '^(a+)+$' })
  assert.deepEqual(check(JSON.stringify(`${'a'.repeat(40)}!`)), [
    'it takes too long to check: a pattern of the schema is too hard',
  ])
  assert.deepEqual(check('"aaa"'), [])
})
