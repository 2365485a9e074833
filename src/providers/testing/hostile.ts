import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Value } from 'typebox/value'
import type { ModelEvent } from '../../core/model-event.ts'
import type { JsonObject, JsonValue } from '../../protocol/json.ts'
import { Usage } from '../../protocol/usage.ts'
import type { AnswerReader } from '../exchange.ts'

const RUNS = 500

/** A reader that is to be shown what no provider should send. */
export interface Exposed {
  readonly createReader: () => AnswerReader
  /** Every name that the reader looks for. */
  readonly keys: readonly string[]
  /** Values that mean something to it, such as the types of its events. */
  readonly words: readonly string[]
  /** A document of the wire's shape, filled with anything; as it is where it has none. */
  readonly shape?: (value: JsonValue, rest: JsonValue) => JsonObject
}

/** Declares the laws that hold whatever JSON a provider sends: nothing is thrown, and nothing odd is told. */
export function exerciseHostile(name: string, exposed: Exposed): void {
  const value = anything(exposed)
  const shape = exposed.shape ?? ((fields) => ({ fields }))
  test(`${name}: whatever JSON comes in a stream, it is read without a throw, and told soundly`, () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value)), (pairs) => {
        const reader = exposed.createReader()
        const documents = pairs.map(([one, other]) => shape(one, other))
        check([...documents.flatMap((document) => reader.read(document)), ...reader.end()])
      }),
      { numRuns: RUNS },
    )
  })
  test(`${name}: whatever JSON comes in one piece, it is read without a throw, and told soundly`, () => {
    fc.assert(
      fc.property(value, value, (one, other) => {
        const reader = exposed.createReader()
        check([...(reader.readWhole(shape(one, other)) ?? []), ...reader.end()])
      }),
      { numRuns: RUNS },
    )
  })
}

function anything({ keys, words }: Exposed): fc.Arbitrary<JsonValue> {
  const { value } = fc.letrec<{ value: JsonValue; list: JsonValue[]; object: JsonObject }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom<JsonValue>(null, '', 'x', 0, 1, -1, 0.5, true, 'constructor', ...words),
      tie('list'),
      tie('object'),
    ),
    list: fc.array(tie('value'), { maxLength: 3 }),
    object: fc.dictionary(fc.constantFrom('constructor', 'toString', ...keys), tie('value'), { maxKeys: 6 }),
  }))
  return value
}

/** One finish, last; texts that are texts; arguments after their call; ids that are used once; counts that count. */
function check(events: readonly ModelEvent[]): void {
  assert.deepEqual(
    events.flatMap(({ type }, index) => (type === 'finish' ? [index] : [])),
    [events.length - 1],
  )
  const calls = new Set<string>()
  for (const event of events) {
    if ('text' in event) assert.equal(typeof event.text, 'string')
    if (event.type === 'tool_call') {
      assert.ok(event.callId !== '' && !calls.has(event.callId) && event.name !== '', JSON.stringify(event))
      calls.add(event.callId)
    }
    if (event.type === 'tool_arguments') {
      assert.ok(calls.has(event.callId))
      assert.equal(typeof event.delta, 'string')
    }
    if (event.type === 'annotation') assert.equal(typeof event.annotation.type, 'string')
    if (event.type === 'finish' && event.usage !== undefined) assert.ok(Value.Check(Usage, event.usage))
  }
}
