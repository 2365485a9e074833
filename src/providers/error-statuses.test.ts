import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readErrorAnswer } from './error-answer.ts'

const text = JSON.stringify({ error: { message: 'Not like that.', code: 'odd', param: 'messages' } })

function faultOf(status: number): { fault: string; message: string } {
  const { fault, message } = readErrorAnswer(
    { status, headers: {}, text },
    { secrets: [], paramNames: new Map() },
  ).problem
  return { fault, message }
}

for (const status of [405, 406, 411, 417, 421, 426, 428, 431]) {
  test(`A ${status} is about how the provider was asked: no client is blamed, in no words of the provider`, () => {
    const message = 'The model provider redirects elsewhere, or answers what it was not asked.'
    assert.deepEqual(faultOf(status), { fault: 'invalid_response', message })
  })
}

test('A 407 is about the credentials for a proxy', () => {
  const message = 'The model provider refused the credentials that this server is configured with.'
  assert.deepEqual(faultOf(407), { fault: 'auth', message })
})

for (const status of [400, 409, 410, 413, 414, 415, 418, 422, 451]) {
  test(`A ${status} is about what was asked, and told as the provider tells it`, () => {
    assert.deepEqual(faultOf(status), { fault: 'bad_request', message: 'Not like that.' })
  })
}
