import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startLone } from './lone-server.ts'

const LEASE_MS = 500

const JOBS = 6

/** Longer than an answer takes that is there already. */
const ENDED_MS = 3000

test('T-06: a server that stood still for two leases goes on with its jobs, and asks for none of them again', async (t) => {
  const background = { lease_ms: LEASE_MS, heartbeat_ms: 150, sweep_ms: 150 }
  const server = await startLone(t, { background })
  const { upstream, life } = server
  const tags = Array.from({ length: JOBS }, (_, index) => `a${index}`)
  const ids = await Promise.all(tags.map((tag) => server.accept(`[tag:${tag}] [do: chunks=4 hold@2]`)))
  for (const tag of tags) await upstream.until(tag, ({ held }) => held === 1)
  life.send('SIGSTOP')
  // Half of the answers are there when it wakes: they are heard before any timer of its own.
  for (const tag of tags.slice(JOBS / 2)) {
    await upstream.release(tag)
    await upstream.until(tag, ({ finished }) => finished === 1)
  }
  await sleep(2 * LEASE_MS)
  life.send('SIGCONT')
  for (const id of ids.slice(JOBS / 2)) assert.equal((await server.ended(id, ENDED_MS)).status, 'completed')
  await sleep(LEASE_MS)
  for (const tag of tags.slice(0, JOBS / 2)) await upstream.release(tag)
  for (const id of ids) assert.equal((await server.ended(id, ENDED_MS)).status, 'completed')
  for (const tag of tags) assert.equal((await upstream.counts(tag)).received, 1, tag)
})
