import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from './log.ts'

test('every line bears its time to the millisecond, in UTC', (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'] })
  const written: string[] = []
  t.mock.method(process.stdout, 'write', (text: string) => written.push(text) > 0)
  const logger = createLogger('info')
  const times_ms = [0, 7, 999, 1000, 1001, 1_795_406_379_042, 1_795_406_379_999, 1_795_406_380_000, 5]
  for (const time_ms of times_ms) {
    t.mock.timers.setTime(time_ms)
    logger.warn({}, 'now')
  }
  t.mock.restoreAll()
  const told = written.map((line) => (JSON.parse(line) as { time: string }).time)
  assert.deepEqual(
    told,
    times_ms.map((time_ms) => new Date(time_ms).toISOString()),
  )
})
