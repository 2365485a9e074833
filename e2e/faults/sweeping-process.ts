/** Forgets what is old in a database, and is killed between two steps: `node sweeping-process.ts PATH STEPS`. */
import { forget } from '../../src/engine/forget.ts'
import { fakeClock } from '../../src/engine/testing/fake-clock.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { createLogger } from '../../src/telemetry/log.ts'

/** Of the clock, which goes as fast as it is told to. */
const SWEEP_MS = 1000

const [path = '', steps = ''] = process.argv.slice(2)
const store = await openSqliteStore(path)
const clock = fakeClock()
let left = Number(steps)
void forget(
  {
    store,
    clock,
    retention: { responses_days: 1, deleted_ms: SWEEP_MS, sweep_ms: SWEEP_MS },
    checkpoint() {
      if (--left === 0) process.kill(process.pid, 'SIGKILL')
    },
  },
  { clock, logger: createLogger('silent'), signal: new AbortController().signal },
)
for (;;) await clock.pass(SWEEP_MS)
