import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CRASH_POINTS, parseCrashPlan, type CrashPoint } from '../core/checkpoint.ts'
import { checkpointOf } from './crash-at.ts'
import { runCaptured } from './testing/run-captured.ts'

/** How often the process would have died after some points were reached. */
function deaths(environment: Record<string, string>, reached: readonly CrashPoint[]): number {
  let count = 0
  const checkpoint = checkpointOf(environment, () => void count++)
  for (const point of reached) checkpoint(point)
  return count
}

const TEST_MODE = { ANTIPHON_TEST_MODE: '1' }

for (const { wish, reached, expected } of [
  { wish: 'job:claimed:2', reached: ['job:claimed'], expected: 0 },
  { wish: 'job:claimed:2', reached: ['job:claimed', 'job:sent', 'job:claimed', 'job:claimed'], expected: 1 },
  { wish: 'job:delta', reached: ['job:delta'], expected: 1 },
  { wish: 'job:delta', reached: ['job:claimed'], expected: 0 },
] as const) {
  test(`CRASH_AT=${wish} ends the process ${expected} times where ${reached.join(', ')} is reached`, () => {
    assert.equal(deaths({ ...TEST_MODE, CRASH_AT: wish }, reached), expected)
  })
}

test('every point can be named, and nothing else', () => {
  for (const point of Object.keys(CRASH_POINTS)) {
    assert.deepEqual(parseCrashPlan(`${point}:3`), { point, nth: 3 })
    assert.deepEqual(parseCrashPlan(point), { point, nth: 1 })
  }
  for (const text of ['', 'job', 'job:claimed:0', 'job:claimed:', 'job:claimed:1:1', 'toString', 'constructor:1']) {
    assert.equal(parseCrashPlan(text), undefined, text)
  }
})

test('test mode alone ends nothing', () => {
  assert.equal(deaths(TEST_MODE, ['job:claimed']), 0)
})

const store = ['--store', 'memory:']
for (const { environment, stderr } of [
  {
    environment: { CRASH_AT: 'job:claimed:1' },
    stderr: /^CRASH_AT ends the server on purpose: .* ANTIPHON_TEST_MODE=1/,
  },
  {
    environment: { CRASH_AT: 'job:claimed:1', ANTIPHON_TEST_MODE: 'yes' },
    stderr: /together with ANTIPHON_TEST_MODE=1/,
  },
  { environment: { ...TEST_MODE, CRASH_AT: 'tea' }, stderr: /^CRASH_AT must be POINT:N, got tea\. The points: start:/ },
]) {
  test(`a server does not start with ${JSON.stringify(environment)}`, async () => {
    const said = await runCaptured(['serve', ...store, '--port', '0'], environment)
    assert.deepEqual([said.code, said.stdout], [1, ''])
    assert.match(said.stderr, stderr)
  })
}
