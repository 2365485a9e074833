import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { settled } from '../engine/testing/fake-clock.ts'
import { readBody } from './user-answer.ts'

const { signal } = new AbortController()

/** An answer whose body is what the test writes. */
function answering(headers: IncomingMessage['headers'] = {}) {
  const body = new PassThrough()
  return { body, answer: Object.assign(body, { headers }) as unknown as IncomingMessage } // All of it that is used.
}

/** A share whose room is given by the test. */
function sharing() {
  const asked: PromiseWithResolvers<void>[] = []
  const take = () => {
    asked.push(Promise.withResolvers())
    return asked.at(-1)?.promise
  }
  return { asked, share: { take, leave: () => {} } }
}

test('readBody() takes nothing more while it waits for room', async () => {
  const { body, answer } = answering()
  const { asked, share } = sharing()
  const reading = readBody(answer, { bytesMax: 100, share, signal })
  body.write('one')
  body.end('two')
  await settled()
  assert.equal(asked.length, 1)
  asked[0]?.resolve()
  await settled()
  assert.equal(asked.length, 2)
  asked[1]?.resolve()
  assert.equal((await reading).toString(), 'onetwo')
})

test('readBody() that fails while it waits for room is our fault, and otherwise is not', async () => {
  for (const isWaiting of [true, false]) {
    const { body, answer } = answering()
    const { asked, share } = sharing()
    const reading = readBody(answer, { bytesMax: 100, share, signal })
    body.write('one')
    await settled()
    if (!isWaiting) asked[0]?.resolve()
    await settled()
    body.destroy(new Error('aborted'))
    await assert.rejects(reading, { name: 'FetchFault', isOurs: isWaiting })
  }
})

test('readBody() that is refused room ends the answer', async () => {
  const { body, answer } = answering()
  const { asked, share } = sharing()
  const reading = readBody(answer, { bytesMax: 100, share, signal })
  body.write('one')
  await settled()
  asked[0]?.reject(new Error('no room'))
  await assert.rejects(reading, { isOurs: true })
  assert.equal(body.destroyed, true)
})
