import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Compile } from 'typebox/compile'
import { isNativeEvent, ResponseEvent } from '../protocol/event.ts'
import { isNativeItem, type OutputItem } from '../protocol/output-item.ts'
import { foldAll } from './decide.ts'
import { decodeBatch, encodeBatch } from './event-batch.ts'
import { grammarFaults } from './grammar.ts'
import { decodeLog, encodeLog } from './log-codec.ts'
import { arbitraryEnding, arbitraryOutput, recut } from './testing/arbitrary-run.ts'
import { freshResponse, playRun, type PlayedRun } from './testing/play-run.ts'

/** Fast-check prints the seed, the path and the smallest run where a law breaks. */
function law(name: string, holds: (run: PlayedRun) => void): void {
  const property = fc.property(arbitraryOutput, arbitraryEnding, fc.boolean(), (said, ending, isQueued) => {
    holds(playRun(said, ending, isQueued))
  })
  test(`law: ${name}`, () => fc.assert(property, { numRuns: 400 }))
}

law('numbers have no gaps, one terminal event stands last, every item and part is closed in order', ({ events }) => {
  assert.deepEqual(grammarFaults(events), [])
})

law('the fold of all events equals the terminal snapshot', ({ events, final }) => {
  assert.deepEqual(foldAll(freshResponse(), events), final)
})

law('the fold without the terminal event already holds all the output', ({ events, final }) => {
  const before = foldAll(freshResponse(), events.slice(0, -1))
  assert.deepEqual(before.output, final.output)
})

law('the JSON answer is the response of the last event', ({ events, final }) => {
  const last = events.at(-1)
  assert.ok(last !== undefined && 'response' in last)
  assert.equal(JSON.stringify(last.response), JSON.stringify(final))
})

law('events kept in batches, wherever they are cut, come back letter for letter', ({ events }) => {
  for (const size of [1, 2, 3, 7, events.length]) {
    for (let first = 0; first < events.length; first += size) {
      const batch = events.slice(first, first + size)
      assert.equal(JSON.stringify(decodeBatch(encodeBatch(batch), first)), JSON.stringify(batch))
    }
  }
})

law('output_text is all text of all messages', ({ final }) => {
  const texts = final.output.flatMap((item) => (item.type === 'message' ? item.content : []))
  assert.equal(final.output_text, texts.map((part) => ('text' in part ? part.text : '')).join(''))
})

law('deltas joined by item and part are the final text, input or arguments', ({ events, final }) => {
  const joined = new Map<string, string>()
  for (const event of events) {
    if (!('delta' in event) || isNativeEvent(event)) continue
    const part = 'content_index' in event ? event.content_index : 'summary_index' in event ? event.summary_index : 0
    const key = `${event.output_index}/${part}`
    joined.set(key, (joined.get(key) ?? '') + event.delta)
  }
  const expected = final.output.flatMap((item, index) => textsOf(item).map((text, part) => [`${index}/${part}`, text]))
  assert.deepEqual(Object.fromEntries(joined), Object.fromEntries(expected.filter(([, text]) => text !== '')))
})

law('no item is left in progress, and a finished stop leaves every item completed', ({ final }) => {
  const allowed = final.status === 'completed' ? ['completed'] : ['completed', 'incomplete']
  for (const item of final.output) {
    if (isNativeItem(item)) assert.notEqual(item.status, 'in_progress')
    else assert.ok(allowed.includes(item.status), JSON.stringify(item))
  }
})

const checkEvent = Compile(ResponseEvent)

law('every event satisfies its schema', ({ events }) => {
  for (const event of events) assert.ok(checkEvent.Check(event), `${event.type} ${JSON.stringify(event)}`)
})

law('the stored log gives the events back letter for letter', ({ events, final }) => {
  const restored = decodeLog(encodeLog(events, final), final)
  assert.equal(JSON.stringify(restored), JSON.stringify(events))
})

law('the stored log restores from the stored snapshot, which has been through JSON', ({ events, final }) => {
  const stored: typeof final = JSON.parse(JSON.stringify(final))
  assert.equal(JSON.stringify(decodeLog(encodeLog(events, final), stored)), JSON.stringify(events))
})

test('law: cutting deltas differently never changes the snapshot', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(arbitraryOutput, arbitraryEnding, sizes, (said, ending, cuts) => {
      assert.deepEqual(playRun(recut(said, cuts), ending).final, playRun(said, ending).final)
    }),
    { numRuns: 400 },
  )
})

/** Every string of an item that is built from deltas, by part. */
function textsOf(item: OutputItem): string[] {
  switch (item.type) {
    case 'message':
      return item.content.map((part) => (part.type === 'output_text' ? part.text : part.refusal))
    case 'reasoning':
      return item.summary.map((part) => part.text)
    case 'function_call':
      return [item.arguments]
    case 'custom_tool_call':
      return [item.input]
    case 'tool_search_call':
    default:
      return []
  }
}
