import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { spawnFaultUpstream } from '../harness/fault-upstream.ts'
import { collect } from '../harness/heap.ts'
import { startTestServer, TEST_KEY } from '../harness/server.ts'

/** `npm run soak:leaks` is the long form. */
const REQUESTS = Number(process.env['REQUESTS'] ?? 500)

/** After so many, everything is compiled, and caches have their size. */
const WARM = Math.max(REQUESTS / 3, 500)

/** What the heap may grow by, in bytes: what differs from one look to the next, and so much for each request. */
const ODDS_BYTES = 4e6
const BYTES_PER_REQUEST = 100

const upstream = await spawnFaultUpstream()
const server = await startTestServer({
  store: 'sqlite',
  limits: { thread_memory_bytes_max: 100_000 }, // Full before anything is measured.
  providers: { up: { kind: 'openai-chat', base_url: upstream.baseUrl } },
})
after(async () => {
  await server.close()
  await upstream.close()
})

const ask = (words: string, fields: object = {}, signal?: AbortSignal) =>
  fetch(`${server.base}/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'up/any', input: `Speak. ${words}`, ...fields }),
    ...(signal && { signal }),
  })
const read = async (answer: Promise<Response>) => (await answer).text()
const idOf = async (answer: Promise<Response>) => /"id":"(resp_\w+)"/.exec(await read(answer))?.[1] ?? ''

/** Whatever clients do, one after the other. */
const WAYS: readonly (() => Promise<unknown>)[] = [
  () => read(ask('')),
  () => read(ask('[do: chunks=20]', { stream: true })),
  () => read(ask('[do: chunks=5]', { stream: true, store: false })),
  () => read(ask('[do: 400]')),
  () => read(ask('[do: chunks=3 reset@2]', { stream: true })),
  () => read(ask('[do: garbage@1]', { stream: true })),
  () => read(ask('', { metadata: 7 })),
  async () => {
    const leaving = new AbortController()
    const answer = await ask('[do: hang@1]', { stream: true }, leaving.signal)
    leaving.abort()
    await answer.text().catch(() => undefined)
  },
  async () => {
    const id = await idOf(ask('[do: hang@1]', { background: true }))
    await read(server.post(`/responses/${id}/cancel`, ''))
    await read(server.get(`/responses/${id}?stream=true`))
    await read(server.delete(`/responses/${id}`))
  },
  async () => {
    const id = await idOf(ask('[do: chunks=2]'))
    await read(ask('', { previous_response_id: id }))
    await read(server.get(`/responses/${id}/input_items`))
  },
]

async function play(requests: number): Promise<void> {
  const lanes = Array.from({ length: 8 }, async (_, lane) => {
    for (let index = lane; index < requests; index += 8) await WAYS[index % WAYS.length]?.()
  })
  await Promise.all(lanes)
}

/** What is held when nothing is asked: bytes of the heap, and how much of what else there is. */
async function held() {
  await upstream.until('', ({ open }) => open === 0)
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    collect()
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const sockets = await new Promise<number>((resolve) => server.server.app.server.getConnections((_, n) => resolve(n)))
  return { bytes: heapUsed + arrayBuffers, timers, sockets }
}

test(
  `E-05: ${REQUESTS} requests of all kinds, ended well and badly, leave nothing behind`,
  { timeout: REQUESTS * 200 },
  async (t) => {
    await play(WARM)
    const before = await held()
    await play(REQUESTS)
    const later = await held()
    const grown = later.bytes - before.bytes
    t.diagnostic(`${(grown / 1e6).toFixed(1)} MB more; before and after: ${JSON.stringify([before, later])}`)
    assert.ok(grown < ODDS_BYTES + REQUESTS * BYTES_PER_REQUEST, `${grown} bytes`)
    assert.ok(later.timers <= before.timers + 20, 'timers')
    assert.ok(later.sockets <= before.sockets + 8, 'sockets')
  },
)
