import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { accountId, mintResponseId, timeHex } from '../../src/protocol/id.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import { CLUSTER_MISSING, startCluster } from '../../src/store/postgres/testing/cluster.ts'
import type { NewResponse } from '../../src/store/store.ts'
import type { Worked } from '../rig/job-worker.ts'
import { launch } from '../rig/process.ts'

/** Background work on PostgreSQL, with the database on the same cores. */
export interface PostgresJobs {
  /** Durably accepted each second, by one process. */
  readonly acceptedPerSecond: number
  /** Claimed and ended each second, by two processes together. */
  readonly endedPerSecond: number
  /** How many of them each process has had. */
  readonly shares: readonly number[]
  /** CPU of claiming and ending one, in the processes that do it, in microseconds. */
  readonly ended_us: number
}

/** Bytes of a job's request and of its answer. */
const PAYLOAD_BYTES = 2000

const ACCEPTED_TOGETHER = 64

const WORKERS = 2

/**
 * How fast jobs are accepted, claimed and ended in PostgreSQL; undefined where its binaries are not there.
 *
 * @throws A job was claimed twice, or never.
 */
export async function measurePostgres(jobs: number): Promise<PostgresJobs | undefined> {
  if (CLUSTER_MISSING !== false) return undefined
  const cluster = await startCluster()
  try {
    const url = await cluster.createDatabase()
    const acceptedPerSecond = await accept(url, jobs)
    return { acceptedPerSecond, ...(await work(url, jobs)) }
  } finally {
    await cluster.close()
  }
}

async function accept(url: string, jobs: number): Promise<number> {
  const store = await openPostgresStore(url)
  const responses = store.forAccount(accountId('bench'))
  const begin_ms = performance.now()
  let next = 0
  const lane = async () => {
    while (next < jobs) await responses.insert(rowOf(next++), 'bench')
  }
  await Promise.all(Array.from({ length: ACCEPTED_TOGETHER }, lane))
  const perSecond = (jobs / (performance.now() - begin_ms)) * 1000
  await store.close()
  return perSecond
}

async function work(url: string, jobs: number): Promise<Omit<PostgresJobs, 'acceptedPerSecond'>> {
  const file = fileURLToPath(new URL('../rig/job-worker.ts', import.meta.url))
  const workers = Array.from({ length: WORKERS }, (_, index) => launch({ args: [file, url, `worker ${index}`] }).child)
  await Promise.all(workers.map((child) => once(child, 'message')))
  const begin_ms = performance.now()
  const worked = await Promise.all(
    workers.map(async (child) => {
      child.send('begin')
      const [done] = await once(child, 'message')
      return done as Worked // What the worker sends.
    }),
  )
  const endedPerSecond = (jobs / (performance.now() - begin_ms)) * 1000
  const ids = worked.flatMap((done) => done.ids)
  if (ids.length !== jobs || new Set(ids).size !== jobs) {
    throw new Error(`${jobs} jobs were claimed ${ids.length} times, ${new Set(ids).size} different ones.`)
  }
  const ended_us = worked.reduce((total, { cpu_us }) => total + cpu_us, 0) / jobs
  return { endedPerSecond, shares: worked.map((done) => done.ids.length), ended_us }
}

function rowOf(number: number): NewResponse {
  const payload = JSON.stringify('x'.repeat(PAYLOAD_BYTES))
  return {
    id: mintResponseId(timeHex(number) + number.toString(16).padStart(36, '0')),
    status: 'queued',
    background: true,
    createdAt: number,
    previousId: undefined,
    request: payload,
    input: payload,
    response: payload,
    calls: '[]',
    clientItemIds: [],
    binding: undefined,
  }
}
