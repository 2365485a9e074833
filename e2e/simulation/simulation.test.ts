import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MemoryTables } from '../../src/store/memory/memory-store.ts'
import type { ResponseStore, Store } from '../../src/store/store.ts'
import { describe, runBatch } from './batch.ts'
import { runSchedule, type Sort } from './schedule.ts'

const SCHEDULES = 2000

test(`${SCHEDULES} schedules of crashes, pauses, faults and races break no law`, async () => {
  const { broken, figures } = await runBatch({ first: 1, count: SCHEDULES, step: 1 })
  assert.equal(broken.map(describe).join('\n'), '')
  for (const name of ['crashes', 'faults', 'readers']) assert.ok((figures[name] ?? 0) > SCHEDULES / 4, name)
})

test('the same seed is the same schedule, to the last step', async () => {
  const tell = async (seed: number) => {
    const lines: string[] = []
    await runSchedule(seed, { trace: (line) => lines.push(line) })
    // Ids are made by chance that is not ours; nothing depends on them.
    return lines.map((line) => line.replaceAll(/[0-9a-f]{16,}/g, '')).join('\n')
  }
  for (const seed of [3, 193, 2252]) assert.equal(await tell(seed), await tell(seed))
})

/** The fences, each of which is taken away, and where it is wanted most. */
const FENCES: readonly {
  readonly name: string
  readonly focus?: readonly Sort[]
  readonly without: (
    responses: ResponseStore,
    attemptOf: (id: string) => number,
    versionOf: (id: string) => number,
  ) => ResponseStore
}[] = [
  {
    name: 'the version of swap()',
    without: (responses, _, versionOf) => ({
      ...responses,
      swap: (id, step) => responses.swap(id, { ...step, version: versionOf(id) }),
    }),
  },
  {
    name: 'the attempt of append()',
    focus: ['create', 'resume', 'pause', 'restart'],
    without: (responses, attemptOf) => ({
      ...responses,
      append: (id, _, batch) => responses.append(id, attemptOf(id), batch),
    }),
  },
]

for (const { name, focus, without } of FENCES) {
  test(`without ${name} some schedule is found to break a law`, async () => {
    const sabotage = (store: Store, { rows }: MemoryTables): Store => {
      const lifecycles = () =>
        new Map<string, { attempt: number; version: number }>([...rows].map(([id, row]) => [id, row.lifecycle]))
      return {
        ...store,
        forAccount: (account) =>
          without(
            store.forAccount(account),
            (id) => lifecycles().get(id)?.attempt ?? 0,
            (id) => lifecycles().get(id)?.version ?? 0,
          ),
      }
    }
    const options = { sabotage, ...(focus === undefined ? {} : { focus }) }
    assert.notEqual(await firstBroken(options), undefined)
    if (focus !== undefined)
      assert.equal((await runBatch({ first: 1, count: 200, step: 1 }, { focus })).broken.length, 0)
  })
}

/** The first schedule that breaks a law, of a few thousand. */
async function firstBroken(options: Parameters<typeof runSchedule>[1]): Promise<number | undefined> {
  for (let seed = 1; seed <= 4000; seed++) {
    const { violations } = await runSchedule(seed, options)
    if (violations.length > 0) return seed
  }
  return undefined
}
