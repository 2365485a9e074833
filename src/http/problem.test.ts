import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../core/upstream-error.ts'
import { ApiError, badRequest } from '../protocol/error.ts'
import { StoreDamaged, StoreUnavailable } from '../store/store.ts'
import { corsDisabled, methodNotAllowed, routeNotFound, toProblem } from './problem.ts'

const frameworkFaults = [
  { fault: 'FST_ERR_CTP_BODY_TOO_LARGE', status: 413, code: 'request_too_large' },
  { fault: 'FST_ERR_CTP_INVALID_CONTENT_LENGTH', status: 400, code: 'invalid_content_length' },
  { fault: 'FST_ERR_CTP_INVALID_MEDIA_TYPE', status: 415, code: 'unsupported_media_type' },
  { fault: 'FST_ERR_BAD_URL', status: 400, code: 'invalid_url' },
] as const
for (const { fault, status, code } of frameworkFaults) {
  test(`${fault} of the framework is the client's: ${status} ${code}`, () => {
    const problem = toProblem(Object.assign(new Error('inside'), { code: fault, statusCode: 418 }))
    assert.deepEqual([problem.status, problem.isOurs], [status, false])
    const { message, ...rest } = problem.body.error
    assert.deepEqual(rest, { type: 'invalid_request_error', param: '', code })
    assert.ok(!message.includes('inside') && message.endsWith('.'))
  })
}

const ours: readonly { what: string; thrown: unknown }[] = [
  { what: 'an error of ours', thrown: new Error('secret detail') },
  { what: 'a damaged row', thrown: new StoreDamaged('secret detail') },
  {
    what: 'a fault of the framework that we do not know',
    thrown: Object.assign(new Error('secret detail'), { code: 'FST_ERR_NEW', statusCode: 400 }),
  },
  {
    what: "a provider's failure that nobody mapped",
    thrown: new UpstreamError({ fault: 'auth', message: 'secret detail' }),
  },
  { what: 'a text that was thrown', thrown: 'secret detail' },
  { what: 'nothing that was thrown', thrown: undefined },
]
for (const { what, thrown } of ours) {
  test(`${what} is a 500 that says nothing of the inside`, () => {
    assert.deepEqual(toProblem(thrown), {
      status: 500,
      headers: {},
      body: {
        error: {
          type: 'api_error',
          code: 'internal_error',
          message: 'The server failed to handle this request. The request id names it in the server log.',
          param: '',
        },
      },
      isOurs: true,
    })
  })
}

test('a storage that is not available is a 503 to be tried again soon', () => {
  assert.deepEqual(toProblem(new StoreUnavailable('disk full at /var/secret')), {
    status: 503,
    headers: { 'retry-after': '5' },
    body: {
      error: {
        type: 'server_error',
        code: 'storage_unavailable',
        message: 'The storage is not available right now. Try again later.',
        param: '',
      },
    },
    isOurs: false,
  })
})

test('an error that the client is meant to see is shown as it is, status and headers too', () => {
  const problem = toProblem(
    new ApiError({
      type: 'rate_limit_error',
      status: 499,
      code: 'c',
      message: 'm',
      param: 'p',
      headers: { 'retry-after': '9' },
    }),
  )
  assert.deepEqual(problem, {
    status: 499,
    headers: { 'retry-after': '9' },
    body: { error: { type: 'rate_limit_error', code: 'c', message: 'm', param: 'p' } },
    isOurs: false,
  })
  assert.equal(toProblem(badRequest('c', 'p', 'm')).status, 400)
})

test('paths, methods and pages of elsewhere are refused in the same shape', () => {
  const known = [routeNotFound(), methodNotAllowed('PUT', ['GET', 'POST']), corsDisabled()].map(toProblem)
  assert.deepEqual(
    known.map(({ status, headers, body }) => [status, headers, body.error.code]),
    [
      [404, {}, 'route_not_found'],
      [405, { allow: 'GET, POST' }, 'method_not_allowed'],
      [403, {}, 'cors_disabled'],
    ],
  )
  assert.equal(known[1]?.body.error.message, 'PUT is not allowed here: use GET or POST.')
})
