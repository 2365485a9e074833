import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ResponseId } from '../protocol/id.ts'
import { exerciseStore } from './contract.ts'
import { lateStore } from './late-store.ts'
import { memoryTables, openMemoryStore } from './memory/memory-store.ts'
import { StoreUnavailable } from './store.ts'
import { ALICE, foregroundRow, idOf } from './testing/rows.ts'

exerciseStore('late', async () => {
  const store = lateStore(async () => openMemoryStore(() => 1_700_000_000_000))
  await store.open()
  return store
})

test('what is asked of a store that is not there yet is refused, and done once it is', async () => {
  let isThere = false
  const tables = memoryTables()
  const store = lateStore(async () => {
    if (!isThere) throw new StoreUnavailable('down')
    return openMemoryStore(() => 0, tables)
  })
  const responses = store.forAccount(ALICE)
  const heard: (ResponseId | 'queue')[] = []
  store.onChange((change) => heard.push(change))
  await assert.rejects(store.open(), { message: 'down' })
  for (const asked of [
    () => responses.insert(foregroundRow(1), 'boot'),
    () => store.jobs.countQueued(),
    () => store.keys.list(),
    () => store.upkeep.check(() => {}),
    () => store.ping(),
  ]) {
    await assert.rejects(asked(), StoreUnavailable)
  }
  isThere = true
  await store.open()
  await store.open()
  await responses.insert(foregroundRow(1), 'boot')
  assert.equal((await store.forAccount(ALICE).find(idOf(1)))?.response, '{"first":1}')
  await responses.ask(idOf(1), 'follow')
  assert.deepEqual(heard, [idOf(1)])
  await store.close()
})
