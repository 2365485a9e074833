import { settled } from '../../src/engine/testing/fake-clock.ts'
import type { Clock } from '../../src/engine/clock.ts'
import type { Random } from '../fuzz/random.ts'

/** A process, as far as time goes: it may stand still, be gone, or have a wrong clock. */
export interface Place {
  isDead: boolean
  /** Nothing of it goes on before. */
  pausedUntil_ms: number
  /** How wrong its clock is, in milliseconds. */
  skew_ms: number
}

interface Due {
  at_ms: number
  /** Decides what is first of all that comes at one time. */
  readonly order: number
  readonly place: Place | undefined
  act: (() => void) | undefined
}

/** What the clocks show when a simulation begins: a round second. */
export const START_MS = 1_700_000_000_000

/** What has waited for a process that stood still comes in the order in which it was due, in this small part of the time. */
const CATCH_UP = 1e-4

/**
 * All that is to come, in the order of its time; what comes at the same time, comes in an order that chance decides.
 * After each step, whatever can go on without time has gone on.
 */
export class Timeline {
  /** Milliseconds since the beginning. */
  now_ms = 0
  /** Steps that were done. */
  steps = 0
  readonly #random: Random
  readonly #heap: Due[] = []

  constructor(random: Random) {
    this.#random = random
  }

  /** Does something later. @returns what calls it off. */
  later(ms: number, act: () => void, place?: Place): () => void {
    const due: Due = { at_ms: this.now_ms + ms, order: this.#random.below(1e9), place, act }
    this.#push(due)
    return () => void (due.act = undefined)
  }

  /** Lets time pass until nothing is left, or a moment has come, or there is nothing to wait for. */
  async pass(until_ms: number, isOver: () => boolean = () => false): Promise<void> {
    for (let next = this.#heap[0]; next !== undefined && next.at_ms <= until_ms && !isOver(); next = this.#heap[0]) {
      this.#pop()
      if (next.act === undefined || next.place?.isDead === true) continue
      const wait_ms = (next.place?.pausedUntil_ms ?? 0) - next.at_ms
      if (wait_ms > 0) {
        next.at_ms += wait_ms + CATCH_UP / (1 + wait_ms)
        this.#push(next)
        continue
      }
      this.now_ms = Math.max(this.now_ms, next.at_ms)
      this.steps++
      next.act()
      await settled()
    }
    if (!isOver()) this.now_ms = Math.max(this.now_ms, until_ms)
  }

  #push(due: Due): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(due)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !isBefore(due, above)) break
      heap[index] = above
      index = parent
    }
    heap[index] = due
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]]
      if (left === undefined) break
      const isRight = right !== undefined && isBefore(right, left)
      const child = isRight ? right : left
      if (!isBefore(child, last)) break
      heap[index] = child
      index = 2 * index + (isRight ? 2 : 1)
    }
    heap[index] = last
  }
}

function isBefore(one: Due, other: Due): boolean {
  return one.at_ms < other.at_ms || (one.at_ms === other.at_ms && one.order < other.order)
}

/** The clock of a process. Its time may jump; how long it sleeps is not touched by that. */
export function clockAt(timeline: Timeline, place: Place): Clock {
  return {
    now: () => START_MS + Math.floor(timeline.now_ms + place.skew_ms),
    after: (ms, act) => timeline.later(ms, act, place),
    sleep(ms, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      if (signal.aborted) {
        reject(signal.reason)
        return promise
      }
      const stop = () => {
        callOff()
        reject(signal.reason)
      }
      const callOff = timeline.later(
        ms,
        () => {
          signal.removeEventListener('abort', stop)
          resolve()
        },
        place,
      )
      signal.addEventListener('abort', stop, { once: true })
      return promise
    },
  }
}
