import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreUnavailable } from '../store.ts'
import { Lane, type Outcome } from './lane.ts'

interface Item {
  readonly id: string
  readonly bytes?: number
}

/** A lane, what it has written so far, and the means to let it write. */
function openLane(failing: (batch: readonly string[]) => Error | undefined = () => undefined) {
  const batches: string[][] = []
  let gate = Promise.resolve()
  const lane = new Lane<Item, string>({
    idOf: ({ id }) => id,
    keyOf: ({ id }) => id.slice(0, 2),
    sizeOf: ({ bytes = 1 }) => bytes,
    async write(items) {
      const ids = items.map(({ id }) => id)
      batches.push(ids)
      await gate
      const error = failing(ids)
      if (error !== undefined) throw error
      return ids.map((id): Outcome<string> => (id === 'refused' ? { error: new Error(id) } : { value: `did ${id}` }))
    },
  })
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    gate = promise
    return resolve
  }
  return { lane, batches, hold, add: (...ids: string[]) => ids.map((id) => lane.add({ id })) }
}

test('what one turn of the event loop brings is written together, and each is told its own', async () => {
  const { batches, add } = openLane()
  assert.deepEqual(await Promise.all(add('a', 'b', 'c')), ['did a', 'did b', 'did c'])
  await Promise.all(add('d'))
  assert.deepEqual(batches, [['a', 'b', 'c'], ['d']])
})

test('what comes while a batch is under way is the next one', async () => {
  const { batches, add, hold } = openLane()
  const release = hold()
  const first = add('a')
  await new Promise((resolve) => setImmediate(resolve))
  const later = [...add('b'), ...add('c')]
  release()
  await Promise.all([...first, ...later])
  assert.deepEqual(batches, [['a'], ['b', 'c']])
})

test('items of one key are written one after the other, in their order', async () => {
  const { batches, add } = openLane()
  await Promise.all(add('k1a', 'k1b', 'k2a', 'k1c'))
  assert.deepEqual(batches, [['k1a', 'k2a'], ['k1b'], ['k1c']])
})

test('a batch is no larger than a statement should be; one item may be', async () => {
  const { lane, batches } = openLane()
  const sizes = [3, 2, 9, 1].map((megabytes, index) => lane.add({ id: `${index}0`, bytes: megabytes * 2 ** 20 }))
  await Promise.all(sizes)
  assert.deepEqual(batches, [['00'], ['10'], ['20'], ['30']])
})

test('where a batch fails for the sake of one item, the others are written all the same', async () => {
  const fails = (batch: readonly string[]) => (batch.includes('bad') ? new Error('bad value') : undefined)
  const { batches, add } = openLane(fails)
  const outcomes = await Promise.allSettled(add('a', 'bad', 'c'))
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.deepEqual(batches, [['a', 'bad', 'c'], ['a'], ['bad'], ['c']])
})

test('an item that is refused fails alone', async () => {
  const outcomes = await Promise.allSettled(openLane().add('a', 'refused'))
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  )
})

test('where the storage is gone all fail at once', async () => {
  const { batches, add } = openLane(() => new StoreUnavailable('gone'))
  for (const outcome of await Promise.allSettled(add('a', 'b'))) {
    assert.ok(outcome.status === 'rejected' && outcome.reason instanceof StoreUnavailable)
  }
  assert.equal(batches.length, 1)
})

test('an item that may wait is written with the next one, or as soon as somebody asks for it', async () => {
  const { lane, batches, add } = openLane()
  const soon = lane.add({ id: 'a' }, 'soon')
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(batches, [])
  await Promise.all(add('b'))
  await soon
  assert.deepEqual(batches, [['a', 'b']])
  void lane.add({ id: 'c' }, 'soon')
  await lane.settled('other')
  assert.equal(batches.length, 1, 'of another response')
  await lane.settled('c')
  assert.deepEqual(batches.at(-1), ['c'])
})

test('settled() says of a failure only that it was one: whoever wrote is told', async () => {
  const { lane, add } = openLane(() => new Error('no'))
  const [written] = add('a')
  assert.equal(await lane.settled('a'), false)
  await lane.allSettled()
  assert.equal(await lane.settled('a'), true, 'nothing waits any more')
  await assert.rejects(written ?? Promise.resolve(), /no/)
})

test('close() writes what waits, and refuses what comes later', async () => {
  const { lane, batches, add } = openLane()
  const soon = lane.add({ id: 'a' }, 'soon')
  await lane.close()
  assert.equal(await soon, 'did a')
  await assert.rejects(Promise.all(add('b')), StoreUnavailable)
  assert.deepEqual(batches, [['a']])
})
