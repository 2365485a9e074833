import { Compile } from 'typebox/compile'
import { CreateRequest } from './create-request.ts'
import { badRequest } from './error.ts'
import { explain } from './explain.ts'

const validator = Compile(CreateRequest)

/**
 * Reads the body of POST /responses.
 *
 * @throws {ApiError} 400 that blames the first field that is wrong.
 */
export function parseCreateRequest(body: unknown): CreateRequest {
  if (validator.Check(body)) return body
  const fault = explain(CreateRequest, body)
  if (fault === undefined)
    throw badRequest('invalid_value', '', 'The request body does not fit the schema in /openapi.json.')
  throw badRequest(fault.code, fault.param, fault.message)
}
