import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Limiter, WAITING_MAX } from './limiter.ts'

/** Timers that the test lets run. */
function manualTimer() {
  const set = new Set<{ act: () => void; due: number }>()
  let now = 0
  return {
    set,
    after(ms: number, act: () => void) {
      const timer = { act, due: now + ms }
      set.add(timer)
      return () => void set.delete(timer)
    },
    pass(ms: number) {
      now += ms
      for (const timer of set) {
        if (timer.due > now) continue
        set.delete(timer)
        timer.act()
      }
    },
  }
}

/** Somebody who asks for a turn. */
function caller(isPatient = false) {
  const control = new AbortController()
  return { signal: control.signal, isPatient, control }
}

function limiter(concurrency: number, queue_ms = 1000) {
  const timer = manualTimer()
  return { timer, limiter: new Limiter({ concurrency, queue_ms, timer }) }
}

test('so many calls go at once, and the next waits until one is over', async () => {
  const { limiter: turns } = limiter(2)
  assert.equal(turns.enter(caller()), true)
  assert.equal(turns.enter(caller()), true)
  const third = turns.enter(caller())
  assert.ok(third instanceof Promise)
  turns.leave()
  assert.equal(await third, true)
  assert.ok(turns.enter(caller()) instanceof Promise, 'its place is taken again')
})

test('who has waited for too long is told so, and its place in the queue is free', async () => {
  const { limiter: turns, timer } = limiter(1, 1000)
  turns.enter(caller())
  const waiting = caller()
  const late = turns.enter(waiting)
  timer.pass(999)
  const next = turns.enter(caller())
  timer.pass(1)
  assert.equal(await late, false)
  assert.deepEqual(getEventListeners(waiting.signal, 'abort'), [])
  turns.leave()
  assert.equal(await next, true)
  assert.equal(timer.set.size, 0)
})

test('who leaves the queue is told why, and nobody waits for it', async () => {
  const { limiter: turns, timer } = limiter(1)
  turns.enter(caller())
  const leaving = caller()
  const left = turns.enter(leaving)
  const next = turns.enter(caller())
  const reason = new Error('The client has left.')
  leaving.control.abort(reason)
  await assert.rejects(Promise.resolve(left), reason)
  turns.leave()
  assert.equal(await next, true)
  assert.equal(timer.set.size, 0)
  const gone = caller()
  gone.control.abort(reason)
  await assert.rejects(Promise.resolve(turns.enter(gone)), reason)
  turns.leave()
  assert.equal(turns.enter(caller()), true)
})

test('U-33: the queue is bounded, for all but the patient, whose time does not run out', async () => {
  const { limiter: turns, timer } = limiter(1)
  turns.enter(caller())
  const waiting = Array.from({ length: WAITING_MAX }, () => Promise.resolve(turns.enter(caller())))
  assert.equal(turns.enter(caller()), false)
  const patient = turns.enter(caller(true))
  timer.pass(1_000_000)
  assert.ok((await Promise.all(waiting)).every((isTurn) => !isTurn))
  turns.leave()
  assert.equal(await patient, true)
})

test('without a queue nobody but the patient waits', () => {
  const { limiter: turns } = limiter(1, 0)
  turns.enter(caller())
  assert.equal(turns.enter(caller()), false)
  assert.ok(turns.enter(caller(true)) instanceof Promise)
})

type Act = { kind: 'enter'; isPatient: boolean } | { kind: 'leave' } | { kind: 'abort' | 'pass'; value: number }

const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('enter' as const), isPatient: fc.boolean() }),
    fc.record({ kind: fc.constant('leave' as const) }),
    fc.record({ kind: fc.constantFrom('abort' as const, 'pass' as const), value: fc.nat(700) }),
  ),
  { size: 'large', maxLength: 120 },
)

test('whatever happens: never too many at once, nobody overtakes, nobody is forgotten, no place is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), acts, async (concurrency, script) => {
      const { limiter: turns, timer } = limiter(concurrency, 500)
      const asked: ReturnType<typeof caller>[] = []
      const granted: number[] = []
      let [inFlight, settled] = [0, 0]
      const begin = (index: number) => {
        granted.push(index)
        inFlight++
        settled++
      }
      for (const act of script) {
        if (act.kind === 'enter') {
          const [who, index] = [caller(act.isPatient), asked.length]
          asked.push(who)
          const turn = turns.enter(who)
          if (turn === true) begin(index)
          else if (turn === false) settled++
          else void turn.then((isTurn) => (isTurn ? begin(index) : settled++)).catch(() => settled++)
        } else if (act.kind === 'leave' && inFlight > 0) {
          inFlight--
          turns.leave()
        } else if (act.kind === 'abort') asked[act.value % Math.max(1, asked.length)]?.control.abort()
        else if (act.kind === 'pass') timer.pass(act.value)
        await new Promise((resolve) => setImmediate(resolve))
        assert.ok(inFlight <= concurrency)
        if (inFlight < concurrency) assert.equal(settled, asked.length, 'nobody waits while there is a place')
      }
      for (const { control } of asked) control.abort()
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(settled, asked.length)
      assert.deepEqual(
        granted,
        [...granted].sort((one, other) => one - other),
      )
      assert.equal(timer.set.size, 0)
      while (inFlight-- > 0) turns.leave()
      for (let place = 0; place < concurrency; place++) assert.equal(turns.enter(caller()), true)
    }),
    { numRuns: 100 },
  )
})
