import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CrashPoint } from '../../src/core/checkpoint.ts'
import { workingFolder } from '../harness/command.ts'
import { readStream } from '../harness/server.ts'
import { buildInto } from './bundle.ts'
import { startLone, until, type LoneServer, type Wanted } from './lone-server.ts'
import { spawnServer } from './server-life.ts'
import { textOf, type Snapshot } from './telling.ts'

/** How long own work may take to go on after a restart. */
const RESUME_MS = 2000

/** Longer than an answer of a few words takes. */
const QUIET_MS = 200

/** How long a point is waited for: it is reached at once, or nobody has placed it yet. */
const POINT_MS = 700

const folder = workingFolder()
let main: string

before(() => {
  main = buildInto(folder.path)
})

after(() => folder.remove())

const WAYS = {
  job: { background: true },
  stream: { stream: true },
  json: {},
} as const satisfies Record<string, Wanted>

/** Kills a server, and starts the next one. */
async function killAndRestart(server: LoneServer): Promise<void> {
  await server.life.kill()
  await server.restart()
}

/** Resolves as soon as a call is held in the middle of its answer. */
async function untilHeld(server: LoneServer, tag = 'a'): Promise<void> {
  await server.upstream.until(tag, ({ held }) => held === 1)
}

async function callsOf(server: LoneServer, tag = 'a'): Promise<number> {
  return (await server.upstream.counts(tag)).received
}

/**
 * Lets a server end itself at a point, while something is done that leads there, and starts the next one.
 *
 * @returns undefined where the point was not reached: the test is skipped then.
 */
async function crashAt<Result>(
  context: TestContext,
  { server, point }: { server: LoneServer; point: CrashPoint },
  act: () => Promise<Result>,
): Promise<{ result: Result | undefined } | undefined> {
  await server.restart(`${point}:1`)
  const { life } = server
  // What the client hears of it is no matter here: its connection breaks sooner or later.
  const acted = act().catch(() => undefined)
  const isStruck = await Promise.race([life.ended.then(() => true), sleep(POINT_MS, false, { ref: false })])
  if (!isStruck) {
    context.skip(`nothing calls checkpoint('${point}') on this way`)
    return undefined
  }
  assert.equal((await life.ended).signal, 'SIGKILL')
  await server.restart()
  return { result: await acted }
}

for (const [way, wanted] of Object.entries(WAYS)) {
  test(`K-01: killed before its insertion, a request (${way}) has never been`, async (t) => {
    const server = await startLone(t, { main })
    const crash = await crashAt(t, { server, point: 'accept:before-insert' }, async () =>
      server.post('[tag:a]', wanted),
    )
    if (crash === undefined) return
    assert.equal(crash.result, undefined, 'no answer')
    await sleep(QUIET_MS)
    assert.equal(await callsOf(server), 0)
  })
}

test('K-02: killed after its insertion, a job that nobody was told of runs', async (t) => {
  const server = await startLone(t, { main })
  const crash = await crashAt(t, { server, point: 'accept:after-insert' }, () => server.post('[tag:a]', WAYS.job))
  if (crash === undefined) return
  assert.equal(crash.result, undefined, 'no answer')
  await until(async () => (await callsOf(server)) === 1, RESUME_MS)
})

test('K-02, K-21: killed after its insertion, a job that bears a key is the same when it is sent again', async (t) => {
  const server = await startLone(t, { main })
  const send = () => server.post('[tag:a]', { background: true, key: 'k' })
  const crash = await crashAt(t, { server, point: 'accept:after-insert' }, send)
  if (crash === undefined) return
  await until(async () => (await callsOf(server)) === 1, RESUME_MS)
  const ids = [await send(), await send()].map(async (answer) => ((await answer.json()) as Snapshot).id)
  const [id = '', again] = await Promise.all(ids)
  assert.equal(id, again)
  assert.equal((await server.ended(id, RESUME_MS)).status, 'completed')
  assert.equal(await callsOf(server), 1)
})

for (const [point, calls] of [
  ['accept:before-insert', 1],
  ['binding:after-insert', 0],
] as const) {
  for (const way of ['stream', 'json'] as const) {
    test(`K-21: killed at ${point}, a request (${way}) that bears a key is asked for ${calls} times when it is sent again`, async (t) => {
      const server = await startLone(t, { main })
      const send = () => server.post('[tag:a]', { ...WAYS[way], key: 'k' })
      const crash = await crashAt(t, { server, point }, send)
      if (crash === undefined) return
      assert.equal(crash.result, undefined, 'no answer')
      const idIn = (text: string) => /"id":"(resp_[^"]+)"/.exec(text)?.[1]
      const [one, other] = [idIn(await (await send()).text()), idIn(await (await send()).text())]
      assert.ok(one)
      assert.equal(one, other)
      assert.equal((await server.get(one)).status, calls === 1 ? 'completed' : 'failed')
      assert.equal(await callsOf(server), calls)
    })
  }
}

test('K-03: killed after its 202, a job runs to its end', async (t) => {
  const server = await startLone(t, { main })
  const id = await server.accept('[tag:a]')
  await killAndRestart(server)
  const end = await server.ended(id, RESUME_MS)
  assert.equal(end.status, 'completed')
  assert.ok((await callsOf(server)) <= 2)
})

for (const { point, name, callsMin, callsMax } of [
  { point: 'job:claimed', name: 'K-04: killed after its claim', callsMin: 1, callsMax: 1 },
  { point: 'job:before-send', name: 'K-04: killed before its call leaves', callsMin: 1, callsMax: 1 },
  { point: 'job:sent', name: 'K-06: killed when its call has left', callsMin: 1, callsMax: 2 },
  { point: 'job:first-byte', name: 'K-07: killed before anybody has heard of its answer', callsMin: 2, callsMax: 2 },
  { point: 'job:delta', name: 'K-07: killed in its answer, which nobody reads', callsMin: 2, callsMax: 2 },
  { point: 'job:before-ending', name: 'K-08: killed before its end is stored', callsMin: 1, callsMax: 2 },
] as const) {
  test(`${name}, a job is completed after ${callsMin} to ${callsMax} calls`, async (t) => {
    const server = await startLone(t, { main })
    const crash = await crashAt(t, { server, point }, () => server.accept('[tag:a] [do: chunks=3 pace=30]'))
    if (crash === undefined) return
    assert.ok(crash.result, 'it was accepted')
    const end = await server.ended(crash.result, RESUME_MS)
    assert.equal(end.status, 'completed')
    const calls = await callsOf(server)
    assert.ok(callsMin <= calls && calls <= callsMax, `${calls} calls`)
  })
}

test('K-06: killed while its provider is silent, a job is asked for once more', async (t) => {
  const server = await startLone(t, { main })
  const id = await server.accept('[tag:a] [do: hold | chunks=2]')
  await untilHeld(server)
  await killAndRestart(server)
  const end = await server.ended(id, RESUME_MS)
  assert.deepEqual([end.status, textOf(end), await callsOf(server)], ['completed', 'a-2-0 a-2-1 ', 2])
})

test('K-07: killed in the middle of an answer that nobody reads, a job runs again, and nothing is spliced', async (t) => {
  const server = await startLone(t, { main })
  const id = await server.accept('[tag:a] [do: chunks=4 hold@2 | chunks=2 input=9]')
  await untilHeld(server)
  await killAndRestart(server)
  const end = await server.ended(id, RESUME_MS)
  assert.deepEqual([end.status, textOf(end)], ['completed', 'a-2-0 a-2-1 '])
  assert.equal(end.usage?.input_tokens, 9)
})

/** What is heard of a stream, as it stands on the wire, until its server is gone. */
interface Listening {
  /** Resolves when so many words were said. */
  says(words: number): Promise<void>
  /** Resolves with all events when the connection has broken. */
  readonly cut: Promise<string[]>
}

function listenTo(answer: Response): Listening {
  const decoder = new TextDecoder()
  let [text, arrival] = ['', Promise.withResolvers<void>()]
  const read = async () => {
    for await (const bytes of answer.body ?? []) {
      text += decoder.decode(bytes as Uint8Array, { stream: true })
      arrival.resolve()
      arrival = Promise.withResolvers()
    }
  }
  return {
    cut: read().then(
      () => assert.fail('it has ended'),
      () => datasIn(text),
    ),
    async says(words) {
      while (datasIn(text).filter((data) => data.includes('.delta"')).length < words) await arrival.promise
    },
  }
}

function datasIn(text: string): string[] {
  return text.split('\n\n').flatMap((block) => /^data: (\{.*\})$/m.exec(block)?.[1] ?? [])
}

/** Longer than events of a foreground stream wait to be stored. */
const DURABLE_MS = 600

for (const { name, open } of [
  {
    name: 'K-07: killed in the middle of an answer that somebody reads, a job',
    open: async (server: LoneServer) => {
      const id = await server.accept('[tag:a] [do: chunks=4 hold@2]')
      return server.fetch(`/responses/${id}?stream=true`)
    },
  },
  {
    name: 'K-17: killed in the middle of its answer, a stream',
    open: (server: LoneServer) => server.post('[tag:a] [do: chunks=4 hold@2]', { stream: true }),
  },
]) {
  test(`${name} keeps what was heard, fails, and is not asked for again`, async (t) => {
    const server = await startLone(t, { main })
    const listening = listenTo(await open(server))
    await listening.says(2)
    await sleep(DURABLE_MS)
    await server.life.kill()
    const heard = await listening.cut
    await server.restart()
    const { id } = (JSON.parse(heard[0] ?? '') as { response: Snapshot }).response
    const end = await server.ended(id, RESUME_MS)
    assert.deepEqual([end.status, textOf(end), await callsOf(server)], ['failed', 'a-1-0 a-1-1 ', 1])
    const replay = datasIn(await (await server.fetch(`/responses/${id}?stream=true`)).text())
    assert.deepEqual(replay.slice(0, heard.length), heard)
    assert.match(replay.at(-1) ?? '', /^\{"type":"response\.failed"/)
  })
}

for (const { point, way } of [
  { point: 'job:after-ending', way: 'job' },
  { point: 'stream:after-ending', way: 'stream' },
] as const) {
  test(`K-09, K-10: killed between its end and its last word, a ${way} is completed, with its usage`, async (t) => {
    const server = await startLone(t, { main })
    const crash = await crashAt(t, { server, point }, async () => {
      const answer = await server.post('[tag:a] [do: chunks=3 pace=20 input=9]', WAYS[way])
      if (answer.status === 202) return ((await answer.json()) as Snapshot).id
      const [first] = await listenTo(answer).cut
      return (JSON.parse(first ?? '') as { response: Snapshot }).response.id
    })
    const id = crash?.result
    if (crash === undefined) return
    assert.ok(id !== undefined, 'it was told of')
    const text = await server.text(id)
    const end = JSON.parse(text) as Snapshot
    assert.equal(end.status, 'completed')
    assert.deepEqual(end.usage && [end.usage.input_tokens, end.usage.output_tokens], [9, 3])
    const events = await readStream(await server.fetch(`/responses/${id}?stream=true`))
    assert.deepEqual(events.at(-1)?.['response'], end)
    assert.equal(await callsOf(server), 1)
    assert.equal(await server.text(id), text)
  })
}

test('K-12: killed after its removal, a response is gone for ever', async (t) => {
  const server = await startLone(t, { main })
  const id = await server.accept('[tag:a]')
  await server.ended(id)
  const crash = await crashAt(t, { server, point: 'remove:after' }, () =>
    server.fetch(`/responses/${id}`, { method: 'DELETE' }),
  )
  if (crash === undefined) return
  for (const path of ['', '?stream=true', '/input_items']) {
    assert.equal((await server.fetch(`/responses/${id}${path}`)).status, 404, path)
  }
})

test('K-16: an answer that was under way is not asked for again', async (t) => {
  const server = await startLone(t, { main })
  const answer = server.post('[tag:a] [do: chunks=4 hold@2]')
  await untilHeld(server)
  const broken = assert.rejects(answer)
  await killAndRestart(server)
  await broken
  await sleep(QUIET_MS)
  assert.equal(await callsOf(server), 1)
})

test('K-18: a job that ends its server every time is given up, and others go on', async (t) => {
  const server = await startLone(t, { main })
  const id = await server.accept('[tag:a] [do: chunks=4 hold@1]')
  let end: Snapshot = await server.get(id)
  const KILLS_MAX = 6
  let kills = 0
  for (; end.status !== 'failed' && kills < KILLS_MAX; kills++) {
    const calls = kills + 1
    await server.upstream.until('a', ({ received, held }) => received === calls && held === 1)
    await killAndRestart(server)
    await until(async () => (await callsOf(server)) > calls || (await server.get(id)).status === 'failed', RESUME_MS)
    end = await server.get(id)
  }
  assert.deepEqual([end.status, kills], ['failed', 3])
  const events = await readStream(await server.fetch(`/responses/${id}?stream=true`))
  assert.equal(events.at(-2)?.['code'], 'attempts_exhausted')
  assert.equal((await server.ended(await server.accept('[tag:b]'), RESUME_MS)).status, 'completed')
})

test('a start that is killed again and again loses nothing', async (t) => {
  const server = await startLone(t, { main })
  const id = await server.accept('[tag:a] [do: chunks=4 hold@1 | chunks=2]')
  await untilHeld(server)
  await server.life.kill()
  for (const point of ['start:listening', 'start:taken-up'] as const) {
    const life = spawnServer(server.place, point)
    assert.equal((await life.ended).signal, 'SIGKILL', life.said())
  }
  await server.restart()
  const end = await server.ended(id, RESUME_MS)
  assert.equal(end.status, 'completed')
})
