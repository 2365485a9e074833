import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { ALICE, backgroundRow, end, endingOf, foregroundRow, idOf } from '../../src/store/testing/rows.ts'
import { scratchFiles } from '../../src/store/testing/scratch.ts'

const PROGRAM = fileURLToPath(new URL('./sweeping-process.ts', import.meta.url))

/** Old responses: more than three steps remove. */
const OLD = 700

/** A job that waits, and is as old as they are. */
const WAITING = OLD + 1

const fresh = scratchFiles()

async function filled(): Promise<string> {
  const path = fresh('swept.db')
  const store = await openSqliteStore(path)
  const responses = store.forAccount(ALICE)
  const numbers = Array.from({ length: OLD }, (_, index) => index + 1)
  await Promise.all(numbers.map((number) => responses.insert(foregroundRow(number), 'boot')))
  await Promise.all(numbers.map((number) => end(responses, idOf(number), { ending: endingOf(number) })))
  await responses.insert(backgroundRow(WAITING), 'boot')
  await store.close()
  return path
}

for (const steps of [1, 2, 3]) {
  test(`K-15: killed after ${steps} steps of a sweep: what was left is whole, and the next sweep forgets it`, async () => {
    const path = await filled()
    const child = spawn(process.execPath, [PROGRAM, path, String(steps)], { stdio: ['ignore', 'ignore', 'inherit'] })
    const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null] // Node's event.
    assert.equal(signal, 'SIGKILL')
    const store = await openSqliteStore(path)
    const problems: string[] = []
    const { responses } = await store.upkeep.check((problem) => problems.push(problem))
    assert.deepEqual(problems, [])
    assert.ok(responses < OLD && responses > 1, `${responses} are left`)
    const before_s = 4_000_000_000
    const step = () => store.upkeep.sweep({ createdBefore: before_s, deletedBefore: before_s, limit: OLD })
    assert.equal(await step(), responses - 1)
    assert.ok(await store.forAccount(ALICE).find(idOf(WAITING)), 'a job that waits is never forgotten')
    await store.close()
  })
}
