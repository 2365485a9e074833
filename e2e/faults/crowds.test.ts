import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { openSite } from '../harness/site.ts'

/** `npm run soak:crowds` is the long form. */
const CONNECTIONS = Number(process.env['CONNECTIONS'] ?? 500)
const STREAMS = Number(process.env['STREAMS'] ?? 200)
const REQUESTS = Number(process.env['REQUESTS'] ?? 300)

const KEY = 'a-key-of-the-crowd'
const HEADERS = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }
const KEEPALIVE_MS = 200
const QUEUE_MS = 100

const { upstream, start } = await openSite(KEY, (baseUrl) => [
  'store: "memory:"',
  'providers:',
  `  up: { kind: openai-chat, base_url: "${baseUrl}" }`,
  `  narrow: { kind: openai-chat, base_url: "${baseUrl}", concurrency: 4, queue_ms: ${QUEUE_MS} }`,
  `timeouts: { keepalive_ms: ${KEEPALIVE_MS} }`,
])

const ask = (origin: string, model: string, words: string, fields: object = {}) =>
  fetch(`${origin}/v1/responses`, {
    method: 'POST',
    headers: HEADERS,
    body: JSON.stringify({ model: `${model}/any`, input: `Speak. ${words}`, ...fields }),
  })

/** Connects so often, and says nothing. */
async function crowd(origin: string, count: number): Promise<readonly Socket[]> {
  const { hostname, port } = new URL(origin)
  const sockets = Array.from({ length: count }, () => connect(Number(port), hostname).on('error', () => {}))
  await Promise.all(sockets.map((socket) => once(socket, 'connect').catch(() => undefined)))
  return sockets
}

async function live_ms(origin: string): Promise<number> {
  const begun_ms = performance.now()
  assert.equal((await fetch(`${origin}/live`)).status, 200)
  return performance.now() - begun_ms
}

const { origin } = await start()

test(`C-13: ${CONNECTIONS} connections that say nothing keep nobody from being answered`, async (t) => {
  const sockets = await crowd(origin, CONNECTIONS)
  const taken_ms = await live_ms(origin)
  const answer = await ask(origin, 'up', '')
  assert.equal(answer.status, 200)
  assert.equal(sockets.filter((socket) => socket.destroyed).length, 0)
  for (const socket of sockets) socket.destroy()
  t.diagnostic(`/live took ${taken_ms.toFixed(0)} ms`)
  assert.ok(taken_ms < 5000, `${taken_ms} ms`)
})

test(`C-11: ${STREAMS} streams whose models are silent are kept by comments, and all end well`, async () => {
  const answers = await Promise.all(
    Array.from({ length: STREAMS }, () => ask(origin, 'up', '[tag:idle] [do: chunks=2 hold@1]', { stream: true })),
  )
  const texts = answers.map((answer) => answer.text())
  await upstream.until('idle', ({ held }) => held === STREAMS)
  await new Promise((resolve) => setTimeout(resolve, KEEPALIVE_MS * 4))
  await upstream.release('idle')
  for (const text of await Promise.all(texts)) {
    assert.ok((text.match(/^: keepalive$/gm)?.length ?? 0) >= 2)
    assert.match(text, /response\.completed[\s\S]*data: \[DONE\]\n\n$/)
  }
})

test(`O-01: of ${REQUESTS} requests at once, those beyond what a provider may have are told when to come again`, async (t) => {
  const begun_ms = performance.now()
  const outcomes = await Promise.all(
    Array.from({ length: REQUESTS }, async () => {
      const answer = await ask(origin, 'narrow', '[do: chunks=2 pace=50]')
      await answer.text()
      return { status: answer.status, after: answer.headers.get('retry-after'), taken_ms: performance.now() - begun_ms }
    }),
  )
  const [served, refused] = [200, 503].map((wanted) => outcomes.filter(({ status }) => status === wanted))
  assert.equal((served?.length ?? 0) + (refused?.length ?? 0), REQUESTS)
  assert.ok((served?.length ?? 0) >= 4 && (refused?.length ?? 0) > 0)
  assert.deepEqual(new Set(refused?.map((outcome) => outcome.after)), new Set(['2']))
  t.diagnostic(`${served?.length} served, the last refused after ${refused?.at(-1)?.taken_ms.toFixed(0)} ms`)
  assert.equal((await ask(origin, 'narrow', '')).status, 200, 'it is well again at once')
})

/** Most file descriptors of a process: a few more than it has when nobody has connected. */
const DESCRIPTORS = 64

const skip = spawnSync('prlimit', ['--version']).status === 0 ? false : 'prlimit is missing'

test('O-05: a server without file descriptors lives, and serves again as soon as it has some', { skip }, async () => {
  const { origin: poor, command } = await start()
  const { process: child } = command
  const limit = spawnSync('prlimit', ['--pid', String(child.pid), `--nofile=${DESCRIPTORS}`])
  assert.equal(limit.status, 0, String(limit.stderr))
  const sockets = await crowd(poor, DESCRIPTORS * 4)
  const meanwhile = ask(poor, 'up', '').then(({ status }) => status)
  meanwhile.catch(() => {}) // Nobody has promised it an answer.
  await new Promise((resolve) => setTimeout(resolve, 300))
  for (const socket of sockets) socket.destroy()
  while ((await ask(poor, 'up', '').catch(() => undefined))?.status !== 200) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.ok((await live_ms(poor)) < 5000)
  assert.deepEqual([child.exitCode, child.signalCode], [null, null])
})
