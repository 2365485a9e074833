import assert from 'node:assert/strict'
import type { FastifyReply } from 'fastify'
import { test } from 'node:test'
import { LogAbandoned } from '../engine/event-log.ts'
import { recordingLogger } from '../engine/testing/fakes.ts'
import { NO_METRICS } from '../telemetry/metrics.ts'
import { sendRaw } from './exchange.ts'

/** Sends an answer that fails, and tells what became of it. */
async function failWith(fault: Error, isGone: boolean) {
  const logger = recordingLogger()
  const closed = Promise.withResolvers<void>()
  const raw = { destroyed: isGone, destroy: () => (raw.destroyed = true) }
  // All of it that is used.
  const reply = { request: { id: 'req_1' }, raw, hijack: () => {} } as unknown as FastifyReply
  const metrics = { ...NO_METRICS, streamClosed: closed.resolve }
  sendRaw(reply, { logger, metrics }, () => Promise.reject(fault))
  await closed.promise
  return { isCut: raw.destroyed, lines: logger.lines.map(({ level, facts }) => [level, facts]) }
}

test('a stream that a fault of ours cuts is cut, and told of in the log under its request', async () => {
  const { isCut, lines } = await failWith(new TypeError('a bug'), false)
  assert.equal(isCut, true)
  const [[level, facts] = []] = lines
  assert.equal(level, 'error')
  assert.partialDeepStrictEqual(facts, { requestId: 'req_1', error: 'TypeError', reason: 'a bug' })
})

const expected = [
  { what: 'a log that was given up', error: new LogAbandoned(), isGone: false },
  { what: 'a client that has left', error: new Error('The operation was aborted'), isGone: true },
]
for (const { what, error, isGone } of expected) {
  test(`a stream that ends by ${what} is cut without a line`, async () => {
    assert.deepEqual(await failWith(error, isGone), { isCut: true, lines: [] })
  })
}
