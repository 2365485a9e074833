import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { readStream } from '../harness/server.ts'
import { startLone, until, type LoneServer, type Wanted } from './lone-server.ts'
import { DISK_MISSING, mountSmallDisk } from './small-disk.ts'

const skip = DISK_MISSING

const SIZE_MIB = 16

/** Longer than this nobody waits for the service to be back, once there is space. */
const RECOVERY_MS = 5000

const WAYS: readonly Wanted[] = [{ background: true }, {}, { stream: true }]

/** What a refusal says. */
async function refusalOf(answer: Response): Promise<unknown> {
  const { error } = (await answer.json()) as { error: { code: string } }
  return { status: answer.status, code: error.code, retryAfter: Number(answer.headers.get('retry-after')) }
}

const REFUSED = { status: 503, code: 'storage_unavailable', retryAfter: 5 }

/** Resolves when something is accepted again. @returns its id. */
async function acceptedAgain(server: LoneServer): Promise<string> {
  let id = ''
  await until(async () => {
    const answer = await server.post('[tag:again]', { background: true })
    id = ((await answer.json()) as { id: string }).id
    return answer.status === 202
  }, RECOVERY_MS)
  return id
}

test(
  'D-01: a full disk refuses what is new, serves what is there, and all is well as soon as there is space',
  { skip },
  async (t) => {
    const disk = mountSmallDisk(t, SIZE_MIB)
    const server = await startLone(t, { data: disk.path })
    const before = await server.accept('[tag:before]')
    await server.ended(before)
    const text = await server.text(before)
    disk.fill()
    for (const wanted of WAYS) {
      const answer = await server.post('[tag:refused]', wanted)
      assert.deepEqual(await refusalOf(answer), REFUSED, JSON.stringify(wanted))
    }
    assert.equal(await server.text(before), text)
    disk.free()
    const again = await acceptedAgain(server)
    assert.equal((await server.ended(again)).status, 'completed')
    await server.restart()
    assert.equal(await server.text(before), text)
    assert.equal((await server.get(again)).status, 'completed')
    const { background } = await server.get(again)
    assert.equal(background, true)
  },
)

test('D-01: reads are served beside writes that are refused', { skip }, async (t) => {
  const disk = mountSmallDisk(t, SIZE_MIB)
  const server = await startLone(t, { data: disk.path })
  const id = await server.accept('[tag:before]')
  await server.ended(id)
  disk.fill()
  const statuses = { read: new Set<number>(), write: new Set<number>() }
  const reader = async () => {
    const answer = await server.fetch(`/responses/${id}`)
    statuses.read.add(answer.status)
    await answer.text()
  }
  const writer = async () => {
    const answer = await server.post('x', { background: true })
    statuses.write.add(answer.status)
    await answer.text()
  }
  const ROUNDS = 20
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(Array.from({ length: 16 }, (_, index) => (index % 2 === 0 ? reader() : writer())))
  }
  assert.deepEqual(statuses, { read: new Set([200]), write: new Set([503]) })
})

test(
  'D-02: an answer that finds the disk full is kept until there is space, and not asked for again',
  { skip },
  async (t) => {
    const disk = mountSmallDisk(t, SIZE_MIB)
    const server = await startLone(t, { data: disk.path })
    const { upstream } = server
    const id = await server.accept('[tag:job] [do: chunks=4 hold@2]')
    const stream = await server.post('[tag:stream] [do: chunks=4 hold@2]', { stream: true })
    const events = readStream(stream)
    for (const tag of ['job', 'stream']) await upstream.until(tag, ({ held }) => held === 1)
    disk.fill()
    for (const tag of ['job', 'stream']) {
      await upstream.release(tag)
      await upstream.until(tag, ({ finished }) => finished === 1)
    }
    let isTold = false
    void events.then(() => (isTold = true))
    await sleep(500)
    assert.equal((await server.get(id)).status, 'in_progress', 'it is not completed before it is stored')
    assert.equal(isTold, false, 'the stream is not ended before its end is stored')
    disk.free()
    assert.equal((await server.ended(id, RECOVERY_MS)).status, 'completed')
    const end = (await events).at(-1) as { type: string; response: { id: string } }
    assert.equal(end.type, 'response.completed')
    for (const tag of ['job', 'stream']) assert.equal((await upstream.counts(tag)).received, 1)
    const texts = await Promise.all([id, end.response.id].map((one) => server.text(one)))
    await server.restart()
    assert.deepEqual(await Promise.all([id, end.response.id].map((one) => server.text(one))), texts)
  },
)

/** Longer than one round of tries to store an end. */
const LONG_MS = 4000

test('D-02: the answer of a job outlasts a disk that is full for long', { skip }, async (t) => {
  const disk = mountSmallDisk(t, SIZE_MIB)
  const server = await startLone(t, { data: disk.path })
  const { upstream } = server
  const id = await server.accept('[tag:job] [do: chunks=4 hold@2]')
  await upstream.until('job', ({ held }) => held === 1)
  disk.fill()
  await upstream.release('job')
  await sleep(LONG_MS)
  disk.free()
  assert.equal((await server.ended(id, RECOVERY_MS)).status, 'completed')
  assert.equal((await upstream.counts('job')).received, 1)
})
