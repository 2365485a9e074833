import assert from 'node:assert/strict'
import type { EventBatch } from './store.ts'
import type { OnStore } from './testing/on-store.ts'
import { ALICE, backgroundRow, BOB, end, endingOf, foregroundRow, idOf, remove } from './testing/rows.ts'

/** What every store must do with the events of responses that have not ended. */
export function exerciseEvents(onStore: OnStore): void {
  onStore('events come back as they were kept, from the first batch that is wanted', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    assert.deepEqual(await responses.findEvents(idOf(1), -1), [])
    for (const each of [batch(0, 2), batch(3, 3), batch(4, 9)]) {
      assert.equal(await responses.append(idOf(1), 0, each), true)
    }
    assert.deepEqual(await responses.findEvents(idOf(1), -1), [batch(0, 2), batch(3, 3), batch(4, 9)])
    assert.deepEqual(await responses.findEvents(idOf(1), 2), [batch(3, 3), batch(4, 9)])
    assert.deepEqual(await responses.findEvents(idOf(1), 5), [batch(4, 9)])
    assert.deepEqual(await responses.findEvents(idOf(1), 9), [])
  })

  onStore('a batch that was written already stays as it was, and counts as kept', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    for (const again of [1, 2]) assert.equal(await responses.append(idOf(1), 0, batch(0, 4)), true, `${again}`)
    assert.deepEqual(await responses.findEvents(idOf(1), -1), [batch(0, 4)])
  })

  onStore('only the holder of a response may keep its events', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(backgroundRow(1), 'boot')
    assert.equal(await responses.append(idOf(1), 0, batch(0, 1)), false, 'nobody holds it')
    for (const attempt of [1, 2]) {
      await store.jobs.claim({ owner: `worker ${attempt}`, lease_ms: 0, limit: 1 })
    }
    assert.equal(await responses.append(idOf(1), 1, batch(0, 1)), false)
    assert.equal(await responses.append(idOf(1), 2, batch(0, 1)), true)
    assert.equal(await store.forAccount(BOB).append(idOf(1), 2, batch(2, 3)), false)
    assert.deepEqual(await store.forAccount(BOB).findEvents(idOf(1), -1), [])
    assert.equal(await responses.append(idOf(9), 0, batch(0, 1)), false, 'unknown')
  })

  onStore('an ending takes the place of all batches, and none comes after it', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    await responses.append(idOf(1), 0, batch(0, 4))
    await end(responses, idOf(1), { ending: endingOf(1) })
    assert.deepEqual(await responses.findEvents(idOf(1), -1), [])
    assert.equal(await responses.append(idOf(1), 0, batch(5, 6)), false)
  })

  onStore('a deleted response has no events', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    await responses.append(idOf(1), 0, batch(0, 4))
    await remove(responses, idOf(1))
    assert.deepEqual(await responses.findEvents(idOf(1), -1), [])
    assert.equal(await responses.append(idOf(1), 0, batch(5, 6)), false)
  })
}

function batch(first: number, last: number): EventBatch {
  return { first, last, events: `["events ${first} to ${last}"]` }
}
