import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scratchFiles } from '../testing/scratch.ts'
import { openSqliteStore } from './sqlite-store.ts'

const file = scratchFiles()

test('only one server at a time works with a database; the next may when it has closed', async () => {
  const path = file('antiphon.db')
  const [first, second] = [await openSqliteStore(path), await openSqliteStore(path)]
  assert.deepEqual(await first.jobs.takeOver('first'), [])
  assert.deepEqual(await first.jobs.takeOver('first'), [])
  await assert.rejects(second.jobs.takeOver('second'), /Another server works with the database .*antiphon\.db/)
  assert.deepEqual(await second.keys.list(), [], 'commands go on')
  await first.close()
  assert.deepEqual(await second.jobs.takeOver('second'), [])
  await second.close()
})
