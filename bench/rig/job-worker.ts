/**
 * A process that does the store's part of background work alone: claims jobs, ends them, until none is left. Started
 * with the URL of the database; told to begin by a message, tells which jobs it has had, and the CPU it took.
 */
import { once } from 'node:events'
import { transition } from '../../src/core/lifecycle.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import type { Job, Store } from '../../src/store/store.ts'

/** What a worker has done. */
export interface Worked {
  readonly ids: readonly string[]
  readonly cpu_us: number
}

const LIMIT = 64
const LEASE_MS = 60_000

const [url = '', name = ''] = process.argv.slice(2)
const store = await openPostgresStore(url)
process.send?.('ready')
await once(process, 'message')
const before = process.cpuUsage()
const ids: string[] = []
for (let claimed = await claim(); claimed.length > 0; claimed = await claim()) {
  await Promise.all(claimed.map((job) => end(store, job)))
  ids.push(...claimed.map(({ id }) => id))
}
const { user, system } = process.cpuUsage(before)
process.send?.({ ids, cpu_us: user + system } satisfies Worked)
await store.close()
process.disconnect?.()

function claim(): Promise<readonly Job[]> {
  return store.jobs.claim({ owner: name, lease_ms: LEASE_MS, limit: LIMIT })
}

async function end(from: Store, { account, id, lifecycle, response }: Job): Promise<void> {
  const { attempt, version } = lifecycle
  const next = transition(lifecycle, { type: 'end', attempt, status: 'completed' })
  const ending = { response, output: response, log: '[]', calls: '[]' }
  if (next === undefined || !(await from.forAccount(account).swap(id, { version, next, ending }))) {
    throw new Error(`${id} was not its own to end.`)
  }
}
