import { CRASH_POINTS, type CrashPoint } from '../../src/core/checkpoint.ts'
import { createRandom, type Random } from '../fuzz/random.ts'

/** How one server life ends. */
export interface CrashPlan {
  /** Where it ends itself; undefined where it is killed from outside. */
  readonly point: CrashPoint | undefined
  /** As `CRASH_AT` wants it. */
  readonly crashAt: string | undefined
  /** Whether the kill comes while it starts, or takes up what was left. */
  readonly isEarly: boolean
  /** When it is killed: after its spawn where early, else after traffic has begun. A point may come before. */
  readonly delay_ms: number
  /** Whether it stands still for longer than its leases last, before the end. */
  readonly isPaused: boolean
  /** Chance for everything else. */
  readonly random: Random
}

const POINTS = Object.keys(CRASH_POINTS) as readonly CrashPoint[] // Its own keys.

/** What clients bring about once or twice in a life. */
const RARE: ReadonlySet<CrashPoint> = new Set(['cancel:after-ending', 'remove:after', 'sweep:midway'])

/** How long a point is waited for. */
const POINT_MS = 300

/** The plan of a cycle: always the same for a seed. */
export function planOf(seed: number, cycle: number): CrashPlan {
  const random = createRandom(Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) + Math.imul(cycle + 1, 0x85ebca6b))
  random.below(2)
  const isEarly = random.chance(0.1)
  const isRandom = isEarly || random.chance(0.5)
  const point = isRandom ? undefined : random.pick(POINTS)
  return {
    point,
    crashAt: point && `${point}:${RARE.has(point) ? 1 : 1 + random.below(random.pick([1, 3, 8]))}`,
    isEarly,
    delay_ms: isEarly ? random.below(400) : point === undefined ? random.below(160) : POINT_MS,
    isPaused: !isEarly && random.chance(0.01),
    random,
  }
}
