import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock, settled } from '../engine/testing/fake-clock.ts'
import { recordingLogger } from '../engine/testing/fakes.ts'
import { supervise, type Child, type ChildExit } from './primary.ts'
import { createStopListener } from './stop-wishes.ts'

/** A child that does what the test says. */
interface FakeChild extends Child {
  readonly slot: number
  /** What it was told, in order. */
  readonly told: readonly string[]
  say(greeting: string): void
  end(exit?: Partial<ChildExit>): void
}

function fakeChild(slot: number): FakeChild {
  const { promise: ready, resolve: say } = Promise.withResolvers<string>()
  const { promise: ended, resolve } = Promise.withResolvers<ChildExit>()
  const told: string[] = []
  const end = (exit: Partial<ChildExit> = {}) => resolve({ code: 0, signal: null, ...exit })
  const kill = () => {
    told.push('SIGKILL')
    end({ code: null, signal: 'SIGKILL' })
  }
  return { slot, told, ready, ended, say, end, kill, stop: (signal) => told.push(signal) }
}

/** A parent of three, before its first child has said anything. */
function fresh() {
  const [clock, logger, said, children] = [fakeClock(), recordingLogger(), [] as string[], [] as FakeChild[]]
  const { wishes, hear } = createStopListener(() => {})
  const fork = (slot: number) => {
    const child = fakeChild(slot)
    children.push(child)
    return child
  }
  const [onReady, onStopping] = [(greeting: string) => said.push(greeting), () => said.push('stopping')]
  const code = supervise({ workers: 3, fork, wishes, clock, logger, onReady, onStopping, given_ms: 10_000 })
  const at = (index: number): FakeChild => children[index] ?? assert.fail(`There are ${children.length} children.`)
  return { clock, logger, said, children, at, hear, code, slots: () => children.map(({ slot }) => slot) }
}

/** A parent of three that are all ready. */
async function running() {
  const parent = fresh()
  parent.at(0).say('Hello from the first')
  await settled()
  for (const child of parent.children) child.say(`Hello from ${child.slot}`)
  await settled()
  return parent
}

test('the first child is started alone, the others once it answers, and one greeting is said', async () => {
  const parent = fresh()
  await settled()
  assert.deepEqual(parent.slots(), [1])
  parent.at(0).say('Hello from the first')
  await settled()
  parent.at(1).say('Hello from the second')
  await settled()
  assert.deepEqual([parent.slots(), parent.said], [[1, 2, 3], ['Hello from the first']])
})

test('a first child that cannot start ends it all, with its exit code', async () => {
  const parent = fresh()
  parent.at(0).end({ code: 7 })
  assert.equal(await parent.code, 7)
  assert.deepEqual([parent.slots(), parent.said, parent.clock.sleepers()], [[1], [], []])
})

test('a first child that is killed before it answers ends it all with 1', async () => {
  const parent = fresh()
  parent.at(0).end({ code: null, signal: 'SIGKILL' })
  assert.equal(await parent.code, 1)
})

test('a child that ends is started again in its slot, later each time it fails, up to half a minute', async () => {
  const parent = await running()
  const waits: number[] = []
  for (let failure = 0; failure < 9; failure++) {
    parent.children.findLast(({ slot }) => slot === 2)?.end({ code: 1 })
    await settled()
    const [wait = 0] = parent.clock.sleepers()
    waits.push(wait)
    await parent.clock.pass(wait)
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
  assert.deepEqual(parent.slots(), [1, 2, 3, ...Array<number>(9).fill(2)])
  assert.equal(parent.logger.lines.filter(({ level }) => level === 'error').length, 9)
  await parent.clock.pass(60_000)
  parent.children.at(-1)?.end({ code: 1 })
  await settled()
  assert.deepEqual(parent.clock.sleepers(), [250], 'it had lived for long')
})

test('a signal goes to every child, none is started again, and all are waited for', async () => {
  const parent = await running()
  parent.at(1).end({ code: 1 })
  await settled()
  parent.hear('SIGTERM')
  await settled()
  assert.deepEqual(
    parent.children.map(({ told }) => told),
    [['SIGTERM'], [], ['SIGTERM']],
  )
  parent.at(0).end()
  await settled()
  parent.at(2).end()
  assert.equal(await parent.code, 0)
  await settled()
  assert.deepEqual([parent.slots(), parent.said.at(-1), parent.clock.sleepers()], [[1, 2, 3], 'stopping', []])
})

test('a second signal is passed on too; a child that stops badly is told of', async () => {
  const parent = await running()
  parent.hear('SIGINT')
  await settled()
  parent.hear('SIGTERM')
  await settled()
  assert.deepEqual(parent.at(0).told, ['SIGINT', 'SIGINT'])
  for (const [index, child] of parent.children.entries()) child.end({ code: index === 1 ? 1 : 0 })
  assert.equal(await parent.code, 1)
})

test('a child that is still starting is told as well, and stays alone', async () => {
  const parent = fresh()
  parent.hear('SIGTERM')
  await settled()
  assert.deepEqual(parent.at(0).told, ['SIGTERM'])
  parent.at(0).say('Hello')
  await settled()
  parent.at(0).end()
  assert.equal(await parent.code, 0)
  assert.deepEqual(parent.slots(), [1])
})

for (const { what, isHurried, wait_ms } of [
  { what: 'in time', isHurried: false, wait_ms: 14_800 },
  { what: 'at a second signal', isHurried: true, wait_ms: 4800 },
]) {
  test(`a child that does not stop ${what} is killed`, async () => {
    const parent = await running()
    parent.hear('SIGTERM')
    if (isHurried) parent.hear('SIGTERM')
    await settled()
    parent.at(0).end()
    parent.at(1).end()
    await parent.clock.pass(wait_ms - 1)
    assert.ok(!parent.at(2).told.includes('SIGKILL'))
    await parent.clock.pass(1)
    assert.equal(parent.at(2).told.at(-1), 'SIGKILL')
    assert.equal(await parent.code, 1)
  })
}
