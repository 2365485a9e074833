import assert from 'node:assert/strict'
import { timeHex, mintResponseId, type ResponseId } from '../protocol/id.ts'
import type { NewResponse, Store } from './store.ts'
import type { OnStore } from './testing/on-store.ts'
import { ALICE, backgroundRow, end, endingOf, foregroundRow, remove } from './testing/rows.ts'

/** Unix time, in seconds, before which things are old. */
const OLD = 1_700_000_000

/** When everything that was deleted is to be forgotten. */
const LATER = 4_000_000_000

/** What every store must forget, and what it must not. */
export function exerciseUpkeep(onStore: OnStore): void {
  onStore('D-18: sweep() forgets old responses that have ended, with all that belongs to them', async (store) => {
    const responses = store.forAccount(ALICE)
    await insertEnded(store, row(1, OLD - 10, { clientItemIds: ['mine'] }))
    await insertEnded(store, row(2, OLD + 10))
    assert.equal(await sweep(store), 1)
    assert.equal(await sweep(store), 0)
    assert.equal(await responses.find(idAt(1, OLD - 10)), undefined)
    assert.equal(await responses.findItemOwner('mine'), undefined)
    assert.equal(await responses.findInput(idAt(2, OLD + 10)), '["input 2"]')
  })

  onStore('D-18: sweep() leaves what has not ended, however old', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(row(1, OLD - 10), 'boot')
    await responses.insert({ ...backgroundRow(2), id: idAt(2, OLD - 10) }, 'boot')
    assert.equal(await sweep(store), 0)
    assert.ok((await responses.find(idAt(1, OLD - 10))) && (await responses.find(idAt(2, OLD - 10))))
  })

  onStore('D-18: sweep() leaves a turn as long as a later one of its thread stays', async (store) => {
    const responses = store.forAccount(ALICE)
    await insertEnded(store, row(1, OLD - 30))
    await insertEnded(store, row(2, OLD - 20, { previousId: idAt(1, OLD - 30) }))
    await insertEnded(store, row(3, OLD + 10, { previousId: idAt(2, OLD - 20) }))
    await insertEnded(store, row(4, OLD - 10, { previousId: idAt(1, OLD - 30) }))
    assert.equal(await sweep(store), 1, 'the branch that nobody went on with')
    assert.equal((await responses.thread(idAt(3, OLD + 10), 10))?.turns, 3)
    assert.equal(await responses.find(idAt(4, OLD - 10)), undefined)
  })

  onStore('D-18: sweep() forgets a whole old thread, from its last turn on', async (store) => {
    await insertEnded(store, row(1, OLD - 30))
    await insertEnded(store, row(2, OLD - 20, { previousId: idAt(1, OLD - 30) }))
    assert.deepEqual([await sweep(store), await sweep(store), await sweep(store)], [1, 1, 0])
  })

  onStore('D-18: sweep() forgets what was deleted a while ago, unless a later turn needs it', async (store) => {
    const responses = store.forAccount(ALICE)
    await insertEnded(store, row(1, OLD + 10))
    await insertEnded(store, row(2, OLD + 20, { previousId: idAt(1, OLD + 10) }))
    await responses.insert(row(3, OLD + 30), 'boot')
    for (const [number, time] of [
      [1, OLD + 10],
      [3, OLD + 30],
    ] as const) {
      await remove(responses, idAt(number, time))
    }
    assert.equal(await store.upkeep.sweep({ createdBefore: OLD, deletedBefore: 0, limit: 10 }), 0, 'it was just now')
    assert.equal(await sweep(store), 1)
    assert.equal((await responses.thread(idAt(2, OLD + 20), 10))?.turns, 2)
    await assert.rejects(responses.insert(row(1, OLD + 10), 'boot'), Error, 'the first is still there')
    await responses.insert(row(3, OLD + 30), 'boot')
  })

  onStore('sweep() goes in small steps', async (store) => {
    for (const number of [1, 2, 3, 4, 5]) await insertEnded(store, row(number, OLD - 10))
    const step = () => store.upkeep.sweep({ createdBefore: OLD, deletedBefore: LATER, limit: 2 })
    assert.deepEqual([await step(), await step(), await step(), await step()], [2, 2, 1, 0])
  })

  onStore('sweep() forgets bindings that have expired', async (store) => {
    const responses = store.forAccount(ALICE)
    const bound = { bodyHash: 'hash', isFresh: false }
    for (const [number, expiresAt] of [
      [1, 1_600_000_000],
      [2, LATER],
    ] as const) {
      const binding = { ...bound, key: `key ${number}`, expiresAt }
      await insertEnded(store, row(number, OLD + 10, { binding }))
    }
    assert.deepEqual([await sweep(store), await sweep(store)], [1, 0])
    assert.equal((await responses.findBinding('key 2'))?.bodyHash, 'hash')
  })

  onStore('check() counts what is there, and finds nothing wrong with it', async (store) => {
    await insertEnded(store, row(1, OLD))
    await store.forAccount(ALICE).insert(row(2, OLD), 'boot')
    await store.forAccount(ALICE).append(idAt(2, OLD), 0, { first: 0, last: 0, events: '[]' })
    const problems: string[] = []
    assert.deepEqual(await store.upkeep.check((problem) => problems.push(problem)), { responses: 2 })
    assert.deepEqual(problems, [])
  })
}

function sweep(store: Store): Promise<number> {
  return store.upkeep.sweep({ createdBefore: OLD, deletedBefore: LATER, limit: 10 })
}

async function insertEnded(store: Store, row: NewResponse): Promise<void> {
  await store.forAccount(ALICE).insert(row, 'boot')
  await end(store.forAccount(ALICE), row.id, { ending: endingOf(1) })
}

/** The id with a number that was made at a time, in Unix seconds. */
function idAt(number: number, time: number): ResponseId {
  return mintResponseId(timeHex(time * 1000) + number.toString(16).padStart(36, '0'))
}

function row(number: number, time: number, changes: Partial<NewResponse> = {}): NewResponse {
  return foregroundRow(number, { id: idAt(number, time), ...changes })
}
