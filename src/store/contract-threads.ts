import assert from 'node:assert/strict'
import type { ResponseStore } from './store.ts'
import type { OnStore } from './testing/on-store.ts'
import { ALICE, end, endingOf, foregroundRow, idOf, remove } from './testing/rows.ts'

/** What every store must do with threads. */
export function exerciseThreads(onStore: OnStore): void {
  onStore('thread() tells what was said in every turn, newest first, and the status of the last', async (store) => {
    const responses = store.forAccount(ALICE)
    await insertChain(responses, [1, 2, 3])
    for (const number of [1, 2]) await end(responses, idOf(number), { ending: endingOf(number) })
    const second = [['output 2'], ['input 2'], ['output 1'], ['input 1']]
    assert.deepEqual(await threadOf(responses, 2), { turns: 2, status: 'completed', said: second })
    const third = [{ first: 3 }, ['input 3'], ...second]
    assert.deepEqual(await threadOf(responses, 3), { turns: 3, status: 'in_progress', said: third })
  })

  onStore('thread() tells the snapshot of a turn that was stored whole', async (store) => {
    const responses = store.forAccount(ALICE)
    await insertChain(responses, [1, 2])
    const whole = { response: '{"id":"x","output":[{"said":"ä"}]}', output: undefined, log: '[]', calls: '[]' }
    await end(responses, idOf(1), { status: 'failed', ending: whole })
    await end(responses, idOf(2), { ending: endingOf(2) })
    const said = [['output 2'], ['input 2'], { id: 'x', output: [{ said: 'ä' }] }, ['input 1']]
    assert.deepEqual(await threadOf(responses, 2), { turns: 2, status: 'completed', said })
    const { response, output } = (await responses.find(idOf(1))) ?? {}
    assert.deepEqual([response, output], [whole.response, undefined])
  })

  onStore('thread() follows the links, whatever the order of ids and times', async (store) => {
    const responses = store.forAccount(ALICE)
    await insertChain(responses, [7, 3, 9, 1])
    assert.deepEqual(await turnsOf(responses, 1, 10), [7, 3, 9, 1])
  })

  onStore('thread() never mixes branches', async (store) => {
    const responses = store.forAccount(ALICE)
    await insertChain(responses, [1, 2])
    await responses.insert(foregroundRow(3, { previousId: idOf(1) }), 'boot')
    await responses.insert(foregroundRow(4, { previousId: idOf(2) }), 'boot')
    await responses.insert(foregroundRow(5, { previousId: idOf(3) }), 'boot')
    assert.deepEqual(await turnsOf(responses, 4, 10), [1, 2, 4])
    assert.deepEqual(await turnsOf(responses, 5, 10), [1, 3, 5])
    assert.deepEqual(await turnsOf(responses, 1, 10), [1])
  })

  onStore('thread() keeps deleted turns that others stand on, and refuses to end with one', async (store) => {
    const responses = store.forAccount(ALICE)
    await insertChain(responses, [1, 2, 3])
    await remove(responses, idOf(2))
    await remove(responses, idOf(1))
    assert.deepEqual(await turnsOf(responses, 3, 10), [1, 2, 3])
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
      assert.deepEqual(await turnsOf(responses, 4, turnsMax), expected)
    })
  }

  onStore('thread() of a thousand turns has them all in order', async (store) => {
    const responses = store.forAccount(ALICE)
    const numbers = Array.from({ length: 1000 }, (_, index) => index + 1)
    await insertChain(responses, numbers)
    assert.deepEqual(await turnsOf(responses, 1000, 1001), numbers)
  })

  onStore('thread() goes as far back as there are rows', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(2, { previousId: idOf(1) }), 'boot')
    assert.deepEqual(await turnsOf(responses, 2, 10), [2])
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

/** A thread, with what was said as values. */
async function threadOf(responses: ResponseStore, last: number, turnsMax = 10) {
  const thread = await responses.thread(idOf(last), turnsMax)
  assert.ok(thread !== undefined)
  const said: unknown[] = JSON.parse(thread.said)
  assert.equal(said.length, thread.turns * 2)
  return { ...thread, said }
}

/** The numbers of a thread's turns, oldest first, as their inputs tell them. */
async function turnsOf(responses: ResponseStore, last: number, turnsMax: number): Promise<readonly number[]> {
  const { said } = await threadOf(responses, last, turnsMax)
  return said
    .flatMap((list) => /^input (\d+)$/.exec(String(list))?.[1] ?? [])
    .map(Number)
    .reverse()
}
