import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import { ApiError, badRequest, ERROR_STATUS, ErrorBody, type ErrorType } from './error.ts'

/** The API document's table of types and statuses. */
const statuses: Record<ErrorType, number> = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_denied_error: 403,
  not_found_error: 404,
  rate_limit_error: 429,
  api_error: 500,
  server_error: 503,
}

test('there are exactly the error types of the API document', () => {
  assert.deepEqual(ERROR_STATUS, statuses)
  assert.deepEqual(ErrorBody.properties.error.properties.type.enum, Object.keys(statuses))
})

for (const [type, status] of Object.entries(statuses)) {
  test(`an ${type} is a ${status}, and its body satisfies the schema`, () => {
    // The keys of the table are the types.
    const error = new ApiError({ type: type as ErrorType, code: 'some_code', message: 'It failed.' })
    assert.equal(error.status, status)
    assert.ok(Compile(ErrorBody).Check({ error: error.toDetail() }))
  })
}

test('toDetail() has four keys always; param is an empty string where no field is to blame', () => {
  const detail = new ApiError({ type: 'api_error', code: 'internal_error', message: 'It failed.' }).toDetail()
  assert.deepEqual(detail, { type: 'api_error', message: 'It failed.', param: '', code: 'internal_error' })
})

test('a status, headers and a cause may be given', () => {
  const cause = new Error('inside')
  const headers = { allow: 'GET' }
  const error = new ApiError({ type: 'invalid_request_error', code: 'c', message: 'm', status: 405, headers, cause })
  assert.equal(error.status, 405)
  assert.equal(error.headers, headers)
  assert.equal(error.cause, cause)
  assert.ok(!('cause' in error.toDetail()) && !('headers' in error.toDetail()))
})

test('an error without headers has none', () => {
  assert.deepEqual(new ApiError({ type: 'api_error', code: 'c', message: 'm' }).headers, {})
})

test('badRequest() is a 400 that blames one field', () => {
  const error = badRequest('invalid_value', 'seed', 'seed must be an integer.')
  assert.ok(error instanceof ApiError && error instanceof Error)
  assert.equal(error.name, 'ApiError')
  assert.equal(error.message, 'seed must be an integer.')
  assert.equal(error.status, 400)
  assert.deepEqual(error.toDetail(), {
    type: 'invalid_request_error',
    message: 'seed must be an integer.',
    param: 'seed',
    code: 'invalid_value',
  })
})
