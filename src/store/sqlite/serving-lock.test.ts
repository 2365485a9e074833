import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scratchFiles } from '../testing/scratch.ts'
import { openSqliteStore } from './sqlite-store.ts'

const file = scratchFiles()

test('only one server at a time works with a database; the next may when it has closed', async () => {
  const path = file('antiphon.db')
  const [first, second] = [await openSqliteStore(path), await openSqliteStore(path)]
  await first.jobs.register(named('first'))
  await first.jobs.register(named('first'))
  await assert.rejects(second.jobs.register(named('second')), /Another server works with the database .*antiphon\.db/)
  assert.deepEqual(await second.keys.list(), [], 'commands go on')
  await first.close()
  await second.jobs.register(named('second'))
  await second.close()
})

function named(owner: string) {
  return { owner, instance: 'here:4000', lease_ms: 15_000 }
}
