import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startUpstream, type Upstream } from '../../e2e/harness/upstream.ts'
import { answersAt } from './probe.ts'

let upstream: Upstream

before(async () => {
  upstream = await startUpstream()
})

after(async () => {
  await upstream.close()
})

test('answersAt() is true of a server that answers 200', async () => {
  upstream.answer(() => ({ status: 200, chunks: ['{}'] }))
  assert.equal(await answersAt(`${upstream.baseUrl}/version`, 5000), true)
})

test('answersAt() is false of a server that answers otherwise, hangs, or is not there', async () => {
  upstream.answer(() => ({ status: 404 }))
  assert.equal(await answersAt(`${upstream.baseUrl}/version`, 5000), false)
  upstream.answer(() => new Promise(() => {}))
  assert.equal(await answersAt(`${upstream.baseUrl}/version`, 20), false)
  assert.equal(await answersAt('http://127.0.0.1:1/version', 5000), false)
})
