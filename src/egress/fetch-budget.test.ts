import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { settled } from '../engine/testing/fake-clock.ts'
import { createFetchBudget } from './fetch-budget.ts'

const { signal } = new AbortController()

test('Who comes first enters first, and who leaves lets one in', async () => {
  const budget = createFetchBudget({ fetchesMax: 2, bytesMax: 10 })
  const entered: number[] = []
  const [first, second] = [await budget.enter(signal), await budget.enter(signal)]
  const waiting = [1, 2, 3].map(async (name) => {
    const share = await budget.enter(signal)
    entered.push(name)
    return share
  })
  await settled()
  assert.deepEqual(entered, [])
  first.leave()
  first.leave()
  const late = budget.enter(signal)
  await settled()
  assert.deepEqual(entered, [1], 'leaving twice is leaving once')
  second.leave()
  await settled()
  assert.deepEqual(entered, [1, 2])
  for (const share of waiting) (await share).leave()
  await late
})

test('Who waits for a turn or for room can leave, and is then passed over', async () => {
  const budget = createFetchBudget({ fetchesMax: 2, bytesMax: 10 })
  const [first, second] = [await budget.enter(signal), await budget.enter(signal)]
  const control = new AbortController()
  const third = budget.enter(control.signal)
  const fourth = budget.enter(signal)
  assert.equal(first.take(10, signal), undefined)
  const bytes = second.take(1, control.signal)
  assert.ok(bytes)
  control.abort()
  await assert.rejects(third, { name: 'FetchFault', isOurs: true })
  await assert.rejects(bytes, { name: 'FetchFault', isOurs: true })
  await assert.rejects(budget.enter(control.signal), { isOurs: true })
  first.leave()
  await fourth
})

test('Bytes are held until their fetch leaves; the oldest may always go on', async () => {
  const budget = createFetchBudget({ fetchesMax: 9, bytesMax: 10 })
  const [first, second, third] = [await budget.enter(signal), await budget.enter(signal), await budget.enter(signal)]
  assert.deepEqual([first.take(4, signal), second.take(6, signal)], [undefined, undefined])
  let order = ''
  const more = [
    Promise.resolve(second.take(1, signal)).then(() => (order += '2')),
    Promise.resolve(third.take(1, signal)).then(() => (order += '3')),
  ]
  await settled()
  assert.equal(order, '')
  assert.equal(first.take(100, signal), undefined)
  first.leave()
  await Promise.all(more)
  assert.equal(order, '23')
})

test('However many fetch, and in whatever pieces, all come to their end within the budget', async () => {
  const sizes = fc.array(fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 6 }), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), sizes, async (scheduler, fetches) => {
      const budget = createFetchBudget({ fetchesMax: 4, bytesMax: 20 })
      const now = { inside: 0, held: 0 }
      const fetching = fetches.map(async (pieces) => {
        const share = await budget.enter(signal)
        assert.ok(++now.inside <= 4)
        let own = 0
        for (const piece of pieces) {
          await scheduler.schedule(Promise.resolve())
          await share.take(piece, signal)
          own += piece
          now.held += piece
          assert.ok(now.held <= 20 + 48, `${now.held} bytes`)
        }
        now.inside--
        now.held -= own
        share.leave()
      })
      await scheduler.waitFor(Promise.all(fetching))
      assert.deepEqual(now, { inside: 0, held: 0 })
    }),
    { numRuns: 200 },
  )
})
