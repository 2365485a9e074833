import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError } from './error.ts'
import { parseCreateRequest } from './parse-request.ts'

const refused = [
  {
    name: 'no object',
    body: [],
    code: 'invalid_type',
    param: '',
    message: 'The request body must be an object, got an array.',
  },
  {
    name: 'no model',
    body: { input: 'Hello' },
    code: 'missing_required_parameter',
    param: 'model',
    message: 'model is required',
  },
  {
    name: 'no input',
    body: { model: 'demo' },
    code: 'missing_required_parameter',
    param: 'input',
    message: 'input is required',
  },
  {
    name: 'a fault deep inside',
    body: { model: 'demo', input: [{ role: 'user', content: [{ type: 'input_text' }] }] },
    code: 'missing_required_parameter',
    param: 'input[0].content[0].text',
    message: 'input[0].content[0].text is required',
  },
]
for (const { name, body, ...fault } of refused) {
  test(`parseCreateRequest() refuses ${name} with a 400 that blames the field`, () => {
    const detail = { type: 'invalid_request_error', ...fault }
    assert.throws(
      () => parseCreateRequest(body),
      (error) => {
        assert.ok(error instanceof ApiError)
        assert.deepEqual({ ...error.toDetail() }, detail)
        assert.equal(error.status, 400)
        return true
      },
    )
  })
}

test('parseCreateRequest() gives a valid body back as it is, with what it does not name', () => {
  const body = { model: 'demo', input: 'Hello', future_field: { any: ['thing'] } }
  const text = JSON.stringify(body)
  assert.equal(parseCreateRequest(body), body)
  assert.equal(JSON.stringify(body), text)
})
