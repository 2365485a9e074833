import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransportError } from './transport.ts'

for (const { isUnsent, isTimeout } of [
  { isUnsent: true, isTimeout: false },
  { isUnsent: false, isTimeout: true },
]) {
  test(`a TransportError says whether it was sent (${!isUnsent}) and timed out (${isTimeout}), and nothing of its cause`, () => {
    const cause = new Error('connect ECONNREFUSED 10.0.0.1:443')
    const error = new TransportError({ isUnsent, isTimeout, cause })
    assert.deepEqual({ isUnsent: error.isUnsent, isTimeout: error.isTimeout }, { isUnsent, isTimeout })
    assert.equal(error.message, 'The connection failed.')
    assert.equal(error.cause, cause)
    assert.equal(error.name, 'TransportError')
  })
}
