import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSnapshotText } from './snapshot-text.ts'
import { freshResponse } from './testing/play-run.ts'

/** A snapshot that counts how often it is written out. */
function counted(model: string) {
  let writes = 0
  const response = { ...freshResponse(), model }
  const plain = JSON.stringify(response)
  Object.defineProperty(response, 'toJSON', { value: () => (writes++, { ...response }) })
  return { response, plain, writes: () => writes }
}

test('a snapshot is written out once, however often its text is asked for', () => {
  const textOf = createSnapshotText()
  const { response, plain, writes } = counted('a')
  assert.deepEqual([textOf(response), textOf(response), textOf(response)], [plain, plain, plain])
  assert.equal(writes(), 1)
})

test('every snapshot has its own text, also one that is equal to another or made from it', () => {
  const textOf = createSnapshotText()
  const [one, twin, other] = [counted('a'), counted('a'), counted('b')]
  for (const { response, plain } of [one, twin, other, one, other]) assert.equal(textOf(response), plain)
  assert.deepEqual([one.writes(), twin.writes(), other.writes()], [1, 1, 1])
  const next = { ...one.response, status: 'completed' as const }
  assert.equal(textOf(next), JSON.stringify(next))
  assert.equal(textOf(one.response), one.plain)
})

test('two memories know nothing of each other', () => {
  const { response, writes } = counted('a')
  createSnapshotText()(response)
  createSnapshotText()(response)
  assert.equal(writes(), 2)
})

test('a text is forgotten after enough others, and written out again where it is asked for', () => {
  const textOf = createSnapshotText()
  const { response, plain, writes } = counted('a')
  textOf(response)
  for (let other = 0; other < 2; other++) textOf(counted('b'.repeat(600_000)).response)
  assert.equal(textOf(response), plain)
  assert.equal(writes(), 1)
  for (let other = 0; other < 2; other++) textOf(counted('b'.repeat(600_000)).response)
  assert.equal(textOf(response), plain)
  assert.equal(writes(), 2)
})
