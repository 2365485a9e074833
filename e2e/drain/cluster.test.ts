import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { workingFolder } from '../harness/command.ts'
import { startFaultUpstream } from '../harness/fault-upstream.ts'
import { HEADERS, watchStream } from './stopped-server.ts'

const MAIN = fileURLToPath(new URL('cluster-server.ts', import.meta.url))

const folder = workingFolder()
const upstream = await startFaultUpstream()
const file = join(folder.path, 'antiphon.yaml')
writeFileSync(
  file,
  `providers: { up: { kind: openai-chat, base_url: "${upstream.baseUrl}" } }\ntimeouts: { lame_duck_ms: 200, drain_ms: 10000 }\n`,
)
after(async () => {
  await upstream.close()
  folder.remove()
})

/** Two processes behind one port, the second of which may still be starting. */
async function startFirst() {
  const child = spawn(process.execPath, [MAIN, file], {
    cwd: folder.path,
    env: { ANTIPHON_API_KEY: HEADERS.authorization.slice('Bearer '.length) },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true, // A group of its own, as a terminal makes one.
  })
  after(() => void child.kill('SIGKILL'))
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const until = async (isTrue: () => boolean | Promise<boolean>) => {
    while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const pid = child.pid ?? 0
  const pids = () => childrenOf(pid)
  await until(() => said.includes('\ncurl '))
  const origin = /listens on (http:\S+)\/v1 /.exec(said)?.[1] ?? ''
  const post = (words: string) =>
    fetch(`${origin}/v1/responses`, {
      method: 'POST',
      headers: { ...HEADERS, connection: 'close' },
      body: JSON.stringify({ model: 'up/any', input: words, stream: true }),
    })
  /** Both have answered since the log was last looked at. */
  const bothAnswer = async () => {
    const before = said.length
    await until(async () => {
      await (await post('[do: chunks=1]')).text()
      return new Set(said.slice(before).match(/(?<="slot":)\d(?=,"requestId")/g)).size === 2
    })
  }
  return { child, pid, pids, origin, post, until, bothAnswer, text: () => said, ended: once(child, 'exit') }
}

/** Two processes that have started. */
async function startPair() {
  const pair = await startFirst()
  await pair.until(() => pair.pids().length === 2)
  return pair
}

/** The children of a process, as Linux tells. */
function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}

const isLinux = process.platform === 'linux'

for (const [signal, what] of [
  ['SIGTERM', 'its parent alone'],
  ['SIGINT', 'the whole group'],
] as const) {
  test(
    `two processes answer, one that dies is replaced, and ${signal} to ${what} drains both`,
    { skip: !isLinux },
    async () => {
      const { child, pid, pids, post, until, bothAnswer, text, ended } = await startPair()
      await bothAnswer()
      const [victim = 0, other = 0] = pids()
      process.kill(victim, 'SIGKILL')
      await until(() => pids().length === 2 && !pids().includes(victim))
      assert.ok(pids().includes(other), 'nobody else was ended')
      await bothAnswer()
      const tag = `cluster-${signal}`
      const answers = await Promise.all(Array.from({ length: 6 }, () => post(`[tag:${tag}] [do: chunks=2 hold@1]`)))
      const streams = answers.map(watchStream)
      await Promise.all(streams.map(({ spoken }) => spoken))
      if (signal === 'SIGTERM') child.kill(signal)
      else process.kill(-pid, signal)
      await until(() => text().includes('Stopping'))
      await upstream.release(tag)
      for (const { ended: over, events } of streams) {
        assert.equal(await over, true)
        assert.equal(events.at(-1)?.type, 'response.completed')
      }
      assert.deepEqual(await ended, [0, null])
      assert.equal(text().match(/Antiphon listens on/g)?.length, 1, 'one greeting')
      assert.equal(text().match(/will be started again/g)?.length, 1, 'one restart')
    },
  )
}

test('a signal that comes while the second process starts is not lost', { skip: !isLinux }, async () => {
  for (const delay_ms of [0, 100, 200]) {
    const { child, text, ended } = await startFirst()
    await new Promise((resolve) => setTimeout(resolve, delay_ms))
    const start_ms = performance.now()
    child.kill('SIGINT')
    assert.deepEqual(await ended, [0, null], text())
    assert.ok(performance.now() - start_ms < 5000)
  }
})

test('children do not outlive a parent that is killed', { skip: !isLinux }, async () => {
  const { child, pids, until, bothAnswer } = await startPair()
  await bothAnswer()
  const orphans = pids()
  child.kill('SIGKILL')
  const isAlive = (pid: number) => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }
  await until(() => !orphans.some(isAlive))
})
