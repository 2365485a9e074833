import assert from 'node:assert/strict'
import { test } from 'node:test'
import { iterate } from './flow.ts'
import { scriptedFlow } from './testing/scripted-flow.ts'

/** Lets everything go on that needs neither time nor input. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** What a wait has come to so far. */
function watch<Value>(wait: Promise<Value>): { readonly outcome: () => Value | Error | 'waiting' } {
  let outcome: Value | Error | 'waiting' = 'waiting'
  wait.then(
    (value) => (outcome = value),
    (error: Error) => (outcome = error),
  )
  return { outcome: () => outcome }
}

test('iterate() gives every value in order, whether it was there before or comes later, and ends with the flow', async () => {
  const flow = scriptedFlow<string>()
  flow.say('a')
  const read: string[] = []
  const reading = (async () => {
    for await (const value of iterate(flow)) read.push(value)
  })()
  await settled()
  flow.say('b')
  flow.say('c')
  await settled()
  flow.say('d')
  flow.end()
  await reading
  assert.deepEqual(read, ['a', 'b', 'c', 'd'])
})

test('iterate() holds the source back: it hands over the next value when the loop asks for it', async () => {
  const flow = scriptedFlow<string>()
  for (const value of 'abc') flow.say(value)
  const loop = iterate(flow)
  await settled()
  assert.equal(flow.isRead(), false, 'nothing has been asked for')
  for (const [index, value] of [...'abc'].entries()) {
    assert.deepEqual(await loop.next(), { value, done: false })
    await settled()
    assert.equal(flow.handed(), index + 1)
  }
  const last = watch(loop.next())
  await settled()
  assert.equal(last.outcome(), 'waiting')
  flow.end()
  await settled()
  assert.deepEqual(last.outcome(), { value: undefined, done: true })
})

for (const [when, said] of [
  ['before anything came', []],
  ['after what came', ['a', 'b']],
] as const) {
  test(`iterate() throws what ended the flow, ${when}`, async () => {
    const flow = scriptedFlow<string>()
    for (const value of said) flow.say(value)
    const error = new Error('broken')
    flow.fail(error)
    const read: string[] = []
    await assert.rejects(async () => {
      for await (const value of iterate(flow)) read.push(value)
    }, error)
    assert.deepEqual(read, said)
  })
}

test('whoever leaves the loop leaves the flow, and nothing more is handed over', async () => {
  const flow = scriptedFlow<string>()
  for (const value of 'abc') flow.say(value)
  for await (const value of iterate(flow)) {
    if (value === 'b') break
  }
  await settled()
  assert.deepEqual([flow.hasLeft(), flow.handed()], [true, 2])
})

test('a loop that is left before it has asked for anything never begins to read', async () => {
  const flow = scriptedFlow<string>()
  flow.say('a')
  const loop = iterate(flow)
  await loop.return(undefined)
  assert.deepEqual(await loop.next(), { value: undefined, done: true })
  assert.equal(flow.isRead(), false)
})

test('a flow that somebody else leaves ends the loop: while it waits, and while it is busy with a value', async () => {
  for (const isBusy of [false, true]) {
    const flow = scriptedFlow<string>()
    const loop = iterate(flow)
    if (isBusy) flow.say('a')
    const first = watch(loop.next())
    await settled()
    flow.leave()
    await settled()
    const END = { value: undefined, done: true }
    assert.deepEqual(first.outcome(), isBusy ? { value: 'a', done: false } : END)
    const next = watch(loop.next())
    await settled()
    assert.deepEqual(next.outcome(), END)
  }
})

test('a flow that fails while the loop is busy with a value throws when the loop goes on', async () => {
  const error = new Error('broken')
  const over = Promise.withResolvers<void>()
  const loop = iterate<string>({
    each(take) {
      void take('a')
      return over.promise
    },
    leave: () => {},
  })
  assert.deepEqual(await loop.next(), { value: 'a', done: false })
  over.reject(error)
  await settled()
  await assert.rejects(loop.next(), error)
})
