import assert from 'node:assert/strict'
import type { ResponseStore } from './store.ts'
import type { OnStore } from './testing/on-store.ts'
import { ALICE, endingOf, foregroundRow, idOf } from './testing/rows.ts'

/** What every store must do with threads. */
export function exerciseThreads(onStore: OnStore): void {
  onStore('thread() tells every turn, oldest first', async (store) => {
    const responses = store.forAccount(ALICE)
    await insertChain(responses, [1, 2, 3])
    await responses.finish(idOf(2), 0, endingOf(2))
    const turns = (await responses.thread(idOf(3), 10)) ?? []
    assert.deepEqual(
      turns.map(({ id, status, input, output }) => ({ id, status, input, output })),
      [
        { id: idOf(1), status: 'in_progress', input: '["input 1"]', output: '[]' },
        { id: idOf(2), status: 'completed', input: '["input 2"]', output: '["output 2"]' },
        { id: idOf(3), status: 'in_progress', input: '["input 3"]', output: '[]' },
      ],
    )
  })

  onStore('thread() finds what was said in a snapshot that was stored whole', async (store) => {
    const responses = store.forAccount(ALICE)
    await insertChain(responses, [1])
    const whole = { status: 'completed', response: '{"id":"x","output":[{"said":"ä"}]}', output: undefined, log: '[]' }
    await responses.finish(idOf(1), 0, whole)
    assert.equal((await responses.thread(idOf(1), 1))?.[0]?.output, '[{"said":"ä"}]')
    const { response, output } = (await responses.find(idOf(1))) ?? {}
    assert.deepEqual([response, output], [whole.response, undefined])
  })

  onStore('thread() follows the links, whatever the order of ids and times', async (store) => {
    const responses = store.forAccount(ALICE)
    await insertChain(responses, [7, 3, 9, 1])
    assert.deepEqual(await idsOf(responses, 1, 10), [idOf(7), idOf(3), idOf(9), idOf(1)])
  })

  onStore('thread() never mixes branches', async (store) => {
    const responses = store.forAccount(ALICE)
    await insertChain(responses, [1, 2])
    await responses.insert(foregroundRow(3, { previousId: idOf(1) }), 'boot')
    await responses.insert(foregroundRow(4, { previousId: idOf(2) }), 'boot')
    await responses.insert(foregroundRow(5, { previousId: idOf(3) }), 'boot')
    assert.deepEqual(await idsOf(responses, 4, 10), [idOf(1), idOf(2), idOf(4)])
    assert.deepEqual(await idsOf(responses, 5, 10), [idOf(1), idOf(3), idOf(5)])
    assert.deepEqual(await idsOf(responses, 1, 10), [idOf(1)])
  })

  onStore('thread() keeps deleted turns that others stand on, and refuses to end with one', async (store) => {
    const responses = store.forAccount(ALICE)
    await insertChain(responses, [1, 2, 3])
    await responses.remove(idOf(2))
    await responses.remove(idOf(1))
    assert.deepEqual(await idsOf(responses, 3, 10), [idOf(1), idOf(2), idOf(3)])
    assert.equal(await responses.thread(idOf(2), 10), undefined)
  })

  for (const [turnsMax, expected] of [
    [1, [4]],
    [3, [2, 3, 4]],
    [4, [1, 2, 3, 4]],
    [5, [1, 2, 3, 4]],
  ] as const) {
    onStore(`thread() of four turns with turnsMax ${turnsMax} counts from the end`, async (store) => {
      const responses = store.forAccount(ALICE)
      await insertChain(responses, [1, 2, 3, 4])
      assert.deepEqual(await idsOf(responses, 4, turnsMax), expected.map(idOf))
    })
  }

  onStore('thread() of a thousand turns has them all in order', async (store) => {
    const responses = store.forAccount(ALICE)
    const numbers = Array.from({ length: 1000 }, (_, index) => index + 1)
    await insertChain(responses, numbers)
    assert.deepEqual(await idsOf(responses, 1000, 1001), numbers.map(idOf))
  })

  onStore('thread() goes as far back as there are rows', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(2, { previousId: idOf(1) }), 'boot')
    assert.deepEqual(await idsOf(responses, 2, 10), [idOf(2)])
  })
}

async function insertChain(responses: ResponseStore, numbers: readonly number[]): Promise<void> {
  const rows = numbers.map((number, place) => {
    const before = numbers[place - 1]
    return responses.insert(
      foregroundRow(number, { previousId: before === undefined ? undefined : idOf(before) }),
      'boot',
    )
  })
  await Promise.all(rows)
}

async function idsOf(responses: ResponseStore, last: number, turnsMax: number): Promise<readonly string[] | undefined> {
  return (await responses.thread(idOf(last), turnsMax))?.map(({ id }) => id)
}
