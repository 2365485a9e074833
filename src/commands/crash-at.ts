import { CRASH_POINTS, NO_CHECKPOINT, parseCrashPlan, type Checkpoint } from '../core/checkpoint.ts'
import type { Environment } from '../config/load.ts'

/**
 * What tests of crashes ask for: with `ANTIPHON_TEST_MODE=1`, `CRASH_AT=POINT:N` ends the process when it reaches a
 * point for the Nth time, as `kill -9` would. Without both, nothing is ever ended.
 *
 * @throws `CRASH_AT` is set without test mode, or names no point: a server must not start with a wish half understood.
 */
export function checkpointOf(environment: Environment, die: () => void = killThisProcess): Checkpoint {
  const wanted = environment['CRASH_AT']
  if (wanted === undefined) return NO_CHECKPOINT
  if (environment['ANTIPHON_TEST_MODE'] !== '1') {
    throw new Error('CRASH_AT ends the server on purpose: it is for tests only, together with ANTIPHON_TEST_MODE=1.')
  }
  const plan = parseCrashPlan(wanted)
  if (plan === undefined) {
    const known = Object.keys(CRASH_POINTS).join(', ')
    throw new Error(`CRASH_AT must be POINT:N, got ${wanted.slice(0, 64)}. The points: ${known}.`)
  }
  let left = plan.nth
  return (point) => {
    if (point === plan.point && --left === 0) die()
  }
}

function killThisProcess(): void {
  process.kill(process.pid, 'SIGKILL')
}
