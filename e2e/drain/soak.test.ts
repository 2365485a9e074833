import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dial } from './clients.ts'
import { openStoppingSite, untilEnded, watchStream, type SeenStream, type StoppedServer } from './stopped-server.ts'

/** `npm run soak:drain` is the long form. */
const STREAMS = Number(process.env['DRAIN_STREAMS'] ?? 50)
const JOBS = Number(process.env['DRAIN_JOBS'] ?? 20)
const IDLE = 20

/** Of the whole stop beyond lame duck and drain, in milliseconds. */
const ODDS_MS = 5000

const TIMES = { lameDuck_ms: 1000 + STREAMS * 8, drain_ms: 2000 + STREAMS * 8 }

/** What ends within the drain, and what never would. */
const FITS = `chunks=10 pace=${Math.round((TIMES.lameDuck_ms + TIMES.drain_ms / 2) / 10)}`
const HANGS = 'chunks=10 hang@2'

const isFitting = (index: number) => index % 2 === 0

async function openStreams(server: StoppedServer): Promise<readonly SeenStream[]> {
  const streams: SeenStream[] = []
  for (let index = 0; index < STREAMS; index++) {
    const answer = await server.ask(`[do: ${isFitting(index) ? FITS : HANGS}]`, { stream: true })
    assert.equal(answer.status, 200)
    streams.push(watchStream(answer))
  }
  await Promise.all(streams.map(({ spoken }) => spoken))
  return streams
}

async function acceptJobs(server: StoppedServer): Promise<readonly string[]> {
  const ids: string[] = []
  for (let index = 0; index < JOBS; index++) {
    // Whoever is called again answers at once.
    const words = `[tag:job-${index}] [do: ${isFitting(index) ? FITS : HANGS} | chunks=1]`
    const answer = await server.ask(words, { background: true })
    assert.equal(answer.status, 202)
    ids.push(((await answer.json()) as { id: string }).id)
  }
  return ids
}

async function openIdle(server: StoppedServer) {
  const clients = await Promise.all(Array.from({ length: IDLE }, () => dial(server.origin)))
  for (const client of clients) client.send('GET', '/v1/models')
  await Promise.all(clients.map((client) => client.until(/"data":\[.*\]\}/)))
  return clients
}

test(`O-08: SIGTERM with ${STREAMS} open streams, ${JOBS} jobs and ${IDLE} idle connections`, async (t) => {
  const site = await openStoppingSite(TIMES, JOBS)
  const server = await site.start()
  const [idle, jobs] = [await openIdle(server), await acceptJobs(server)]
  const streams = await openStreams(server)
  server.signal('SIGTERM')
  await server.command.says(/Stopping/)

  const ready = await server.get('/ready')
  assert.deepEqual(
    [ready.status, await ready.json(), ready.headers.get('connection')],
    [503, { status: 'draining' }, 'close'],
  )
  const late = await server.ask('[do: chunks=2]', { stream: true })
  assert.deepEqual([late.status, late.headers.get('connection')], [200, 'close'], 'a lame duck takes requests')
  const accepted = watchStream(late)
  assert.equal(await accepted.ended, true)
  assert.equal(accepted.events.at(-1)?.type, 'response.completed')

  for (const [index, { events, ended }] of streams.entries()) {
    assert.equal(await ended, true, `stream ${index} said [DONE]`)
    const { type, response } = events.at(-1) ?? {}
    const wanted = isFitting(index) ? ['response.completed', 'completed'] : ['response.failed', 'failed']
    assert.deepEqual([type, response?.status], wanted, `stream ${index}`)
    const deltas = events.filter((event) => event.type === 'response.output_text.delta').length
    assert.ok(isFitting(index) ? deltas === 10 : deltas === 2, `stream ${index} has ${deltas} deltas`)
  }
  assert.deepEqual(await Promise.all(idle.map(({ ended }) => ended)), Array<string>(IDLE).fill('end'))
  const { code, signal, stderr, taken_ms } = await server.ended
  assert.deepEqual([code, signal, stderr], [0, null, ''])
  const limit_ms = TIMES.lameDuck_ms + TIMES.drain_ms + ODDS_MS
  assert.ok(taken_ms < limit_ms, `${taken_ms} ms`)
  t.diagnostic(`ended ${Math.round(taken_ms)} ms after the signal; at most ${limit_ms}`)

  const next = await site.start()
  const ends = await Promise.all(jobs.map((id) => untilEnded(next, id)))
  assert.deepEqual(ends, Array<string>(JOBS).fill('completed'), 'a job was lost')
  const counts = await Promise.all(jobs.map(async (_, index) => (await site.upstream.counts(`job-${index}`)).received))
  assert.deepEqual(
    counts,
    jobs.map((_, index) => (isFitting(index) ? 1 : 2)),
    'a job was run once too often',
  )
  next.signal('SIGINT')
  assert.equal((await next.ended).code, 0)
})
