import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { CLUSTER_MISSING, startCluster, type Cluster } from '../../src/store/postgres/testing/cluster.ts'
import { startCommand, workingFolder } from '../harness/command.ts'
import { startFaultUpstream } from '../harness/fault-upstream.ts'
import { HEADERS, stoppedServer, untilEnded, watchStream, type StoppedServer } from './stopped-server.ts'

const [STREAMS, JOBS] = [20, 10]

const LIMIT_MS = 1000 + 3000 + 5000

const folder = workingFolder()
const upstream = await startFaultUpstream()
const started: StoppedServer[] = []
let cluster: Cluster | undefined
let store = ''
before(async () => {
  if (CLUSTER_MISSING !== false) return
  cluster = await startCluster()
  store = await cluster.createDatabase()
  const yaml = [
    `providers: { up: { kind: openai-chat, base_url: "${upstream.baseUrl}" } }`,
    'timeouts: { lame_duck_ms: 1000, drain_ms: 3000 }',
    `sealing_key: ${'k'.repeat(32)}`,
  ]
  writeFileSync(join(folder.path, 'antiphon.yaml'), yaml.join('\n'))
})
after(async () => {
  for (const { command } of started) command.process.kill('SIGKILL')
  await Promise.all(started.map(({ ended }) => ended))
  await upstream.close()
  await cluster?.close()
  folder.remove()
})

/** A server over the database that all share. */
async function start(...args: readonly string[]): Promise<StoppedServer> {
  const words = ['serve', '--config', 'antiphon.yaml', '--port', '0', '--store', store, ...args]
  const environment = { LOG_LEVEL: 'silent', ANTIPHON_API_KEY: HEADERS.authorization.slice('Bearer '.length) }
  const command = startCommand(folder.path, words, environment)
  const said = await command.says(/^Try it:|\(probe: /m)
  const server = stoppedServer({ command, origin: /(http:\/\/[\d.]+:\d+)\//.exec(said)?.[1] ?? '' })
  started.push(server)
  return server
}

async function accept(server: StoppedServer, words: string): Promise<string> {
  const answer = await server.ask(words, { background: true })
  assert.equal(answer.status, 202)
  return ((await answer.json()) as { id: string }).id
}

test(
  `O-08: two processes over one database drain ${STREAMS} streams and ${JOBS} jobs, and a worker goes on`,
  { skip: CLUSTER_MISSING },
  async (t) => {
    const pair = await start('--workers', '2').catch(String)
    if (typeof pair === 'string') return pair.includes('has no PostgreSQL') ? t.skip(pair) : assert.fail(pair)
    const isFitting = (index: number) => index % 2 === 0
    const words = (index: number) => (isFitting(index) ? 'chunks=10 pace=250' : 'hang@1')
    const jobs = await Promise.all(
      Array.from({ length: JOBS }, (_, index) => accept(pair, `[tag:job-${index}] [do: ${words(index)} | chunks=1]`)),
    )
    const streams = await Promise.all(
      Array.from({ length: STREAMS }, async (_, index) =>
        watchStream(await pair.ask(`[do: ${words(index)}]`, { stream: true })),
      ),
    )
    const begun = jobs.map((_, index) => upstream.until(`job-${index}`, (counts) => counts.begun === 1))
    await Promise.all([...begun, ...streams.map(({ spoken }) => spoken)])
    pair.signal('SIGTERM')
    for (const [index, { ended, events }] of streams.entries()) {
      assert.equal(await ended, true, `stream ${index} said [DONE]`)
      assert.equal(events.at(-1)?.type, isFitting(index) ? 'response.completed' : 'response.failed')
    }
    const { code, signal, stderr, taken_ms } = await pair.ended
    assert.deepEqual([code, signal, stderr], [0, null, ''])
    assert.ok(taken_ms < LIMIT_MS, `${taken_ms} ms`)

    const [api, worker] = [await start('--role', 'api'), await start('--role', 'worker')]
    const ends = await Promise.all(jobs.map((id) => untilEnded(api, id)))
    assert.deepEqual(ends, Array<string>(JOBS).fill('completed'), 'a job was lost')
    const received = await Promise.all(jobs.map(async (_, index) => (await upstream.counts(`job-${index}`)).received))
    assert.deepEqual(
      received,
      jobs.map((_, index) => (isFitting(index) ? 1 : 2)),
      'a job was run once too often',
    )
    assert.equal((await worker.get('/v1/models')).status, 404)
    const id = await accept(api, '[do: chunks=5 pace=100]')
    const followed = watchStream(await api.get(`/v1/responses/${id}?stream=true`))
    assert.equal(await followed.ended, true)
    assert.equal(followed.events.at(-1)?.type, 'response.completed', 'it runs in another process')
    for (const server of [api, worker]) {
      server.signal('SIGINT')
      assert.equal((await server.ended).code, 0)
    }
  },
)
