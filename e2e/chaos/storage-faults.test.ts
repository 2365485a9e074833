import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startLone, until, type LoneServer } from './lone-server.ts'
import { spawnServer } from './server-life.ts'
import { DISK_MISSING, mountSmallDisk } from './small-disk.ts'

const RECOVERY_MS = 5000

/** The file of a server's database. */
function fileOf({ folder }: LoneServer): string {
  return join(folder, 'data', 'antiphon.db')
}

async function refusalOf(answer: Response): Promise<unknown> {
  const { error } = (await answer.json()) as { error: { code: string } }
  return { status: answer.status, code: error.code }
}

const REFUSED = { status: 503, code: 'storage_unavailable' }

test('D-05: a server whose folder is read-only says so and does not start', { skip: DISK_MISSING }, async (t) => {
  const disk = mountSmallDisk(t, 16)
  const server = await startLone(t, { data: disk.path })
  const id = await server.accept('[tag:a]')
  await server.ended(id)
  await server.life.kill()
  assert.ok(disk.makeReadOnly())
  const life = spawnServer(server.place)
  t.after(() => life.kill())
  const isOver = await Promise.race([life.ended.then(() => true), sleep(RECOVERY_MS, false, { ref: false })])
  assert.ok(isOver, `it is still there: ${life.said()}`)
  const { code } = await life.ended
  assert.equal(code, 1)
  assert.match(life.said(), /antiphon\.db (?:cannot be opened|may not be written): .*read-?only/i)
  assert.match(life.said(), /--store sqlite:/)
})

const PRLIMIT_MISSING = spawnSync('prlimit', ['--version']).status === 0 ? false : 'prlimit is not there'

test(
  'D-05: where no file may be written any more, reads go on, and writes as soon as they can',
  { skip: PRLIMIT_MISSING },
  async (t) => {
    const server = await startLone(t)
    const id = await server.accept('[tag:a]')
    await server.ended(id)
    const text = await server.text(id)
    // Every write to a file fails with EFBIG, at whatever place: as near as a file system comes to being read-only.
    const limit = (bytes: string) => spawnSync('prlimit', ['--pid', String(server.life.pid), `--fsize=${bytes}:`])
    assert.equal(limit('0').status, 0)
    assert.deepEqual(await refusalOf(await server.post('[tag:no]', { background: true })), REFUSED)
    assert.equal(await server.text(id), text)
    assert.equal((await server.upstream.counts('no')).received, 0)
    limit('unlimited')
    await until(async () => {
      const answer = await server.post('[tag:again]', { background: true })
      await answer.text()
      return answer.status === 202
    }, RECOVERY_MS)
    assert.equal(await server.text(id), text)
  },
)

/** A write may find another one before it, which waits as long. */
const BUSY_MS_MAX = 12_000

/** How long others may wait while a request waits for the database: the promise is 50 ms, and the machine is shared. */
const LOOP_MS_MAX = 250

test('D-06: a database that another process holds is waited for beside the event loop, and then given up', async (t) => {
  const server = await startLone(t)
  const id = await server.accept('[tag:before]')
  await server.ended(id)
  const db = new DatabaseSync(fileOf(server))
  t.after(() => db.close())
  db.exec('BEGIN IMMEDIATE')
  let isOver = false
  const start_ms = performance.now()
  const refused = server.post('[tag:busy]', { background: true }).finally(() => (isOver = true))
  const delays_ms: number[] = []
  const reads: Promise<string>[] = []
  while (!isOver) {
    const asked_ms = performance.now()
    await (await server.fetch('/../live')).text()
    delays_ms.push(performance.now() - asked_ms)
    reads.push(readOnce(server, id))
    await sleep(LOOK_MS)
  }
  assert.deepEqual(await refusalOf(await refused), REFUSED)
  const waited_ms = performance.now() - start_ms
  assert.ok(waited_ms < BUSY_MS_MAX, `it was waited for ${waited_ms} ms`)
  const longest_ms = Math.max(...delays_ms)
  assert.ok(longest_ms < LOOP_MS_MAX, `others have waited for ${longest_ms} ms`)
  t.diagnostic(`given up after ${Math.round(waited_ms)} ms; others waited ${Math.round(longest_ms)} ms at most`)
  const accepted = server.accept('[tag:later]')
  await sleep(LOOK_MS)
  db.exec('ROLLBACK')
  assert.equal((await server.ended(await accepted)).status, 'completed')
  await t.test('what is stored is read meanwhile', async () => {
    assert.deepEqual(new Set(await Promise.all(reads)), new Set(['200 at once']))
  })
})

const LOOK_MS = 50

/** How a snapshot is read. */
async function readOnce(server: LoneServer, id: string): Promise<string> {
  const asked_ms = performance.now()
  const answer = await server.fetch(`/responses/${id}`)
  await answer.text()
  return `${answer.status} ${performance.now() - asked_ms < READ_MS_MAX ? 'at once' : 'late'}`
}

const READ_MS_MAX = 1000

/** What happens to a file of some pages. */
const DAMAGES: readonly { name: string; act: (path: string) => void }[] = [
  { name: 'whose header is garbage', act: (path) => overwrite(path, 0, 100) },
  { name: 'of which a page is garbage', act: (path) => overwrite(path, Math.floor(statSync(path).size / 2), 8192) },
  { name: 'of which the second half is gone', act: (path) => truncateSync(path, Math.floor(statSync(path).size / 2)) },
  {
    name: 'that ends in the middle of a page',
    act: (path) => truncateSync(path, statSync(path).size - 1000),
  },
  {
    name: 'of which nothing is left',
    act: (path) => truncateSync(path, 0),
  },
]

function overwrite(path: string, from: number, bytes: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(bytes, 0xa5), 0, bytes, from)
  closeSync(file)
}

test('D-07: a damaged database is refused by name, with what to do, and left as it is', async (t) => {
  const server = await startLone(t)
  const ids = await Promise.all(Array.from({ length: 20 }, () => server.accept('[tag:a]')))
  for (const id of ids) await server.ended(id)
  server.life.send('SIGINT')
  assert.equal((await server.life.ended).code, 0)
  const path = fileOf(server)
  const good = readFileSync(path)
  for (const { name, act } of DAMAGES) {
    await t.test(`a database ${name}`, async () => {
      writeFileSync(path, good)
      act(path)
      const bad = readFileSync(path)
      const life = spawnServer(server.place)
      const address = await life.listening
      if (address !== undefined) await life.kill()
      assert.equal(address, undefined, 'a server has started with it')
      assert.equal((await life.ended).code, 1)
      assert.match(life.said(), /antiphon\.db cannot be opened: the file is damaged: restore it from a backup/)
      assert.ok(readFileSync(path).equals(bad), 'it was changed')
    })
    for (const rest of ['-wal', '-shm']) rmSync(path + rest, { force: true })
  }
  writeFileSync(path, good)
  await server.restart()
  for (const id of ids) assert.equal((await server.get(id)).status, 'completed')
  assert.ok(readdirSync(join(server.folder, 'data')).includes('seal.key'))
})

const STRACE_MISSING = explainStrace()

function explainStrace(): string | false {
  const { status } = spawnSync('strace', ['-f', '-o', '/dev/null', '-e', 'trace=fsync', 'true'])
  return status === 0 ? false : 'strace is not there, or may not trace'
}

test(
  'D-03: a commit whose fsync fails is refused, and what was acknowledged stays',
  { skip: STRACE_MISSING },
  async (t) => {
    // A job whose storage fails in between may wait for the end of its lease.
    const server = await startLone(t, { background: { lease_ms: 1000, heartbeat_ms: 300, sweep_ms: 300 } })
    const ids = [await server.accept('[tag:a]')]
    await server.ended(ids[0] ?? '')
    const inject = ['-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EIO:when=3..15+3']
    const tracer = spawn('strace', ['-f', '-p', String(server.life.pid), '-o', '/dev/null', ...inject])
    t.after(() => tracer.kill())
    await once(tracer.stderr, 'data') // It says that it is attached.
    const statuses: number[] = []
    for (let count = 0; count < 20; count++) {
      const answer = await server.post('[tag:b]', { background: true })
      statuses.push(answer.status)
      const { id } = (await answer.json()) as { id: string }
      if (answer.status === 202) ids.push(id)
    }
    assert.ok(statuses.includes(503), `no fsync has failed: ${statuses}`)
    assert.ok(statuses.includes(202), `all have failed: ${statuses}`)
    assert.deepEqual([...new Set(statuses)].sort(), [202, 503])
    for (const id of ids) assert.equal((await server.ended(id)).status, 'completed')
    await server.restart()
    for (const id of ids) assert.equal((await server.ended(id)).status, 'completed')
  },
)
