import { Compile } from 'typebox/compile'
import { CreateRequest } from './create-request.ts'
import { badRequest } from './error.ts'
import { explain } from './explain.ts'

/** Whether a body fits. The schema is compiled for the first of them: a server is up some milliseconds sooner. */
const fits = (() => {
  const compile = () => Compile(CreateRequest)
  let validator: ReturnType<typeof compile> | undefined
  return (body: unknown): body is CreateRequest => (validator ??= compile()).Check(body)
})()

/**
 * Reads the body of POST /responses.
 *
 * @throws {ApiError} 400 that blames the first field that is wrong.
 */
export function parseCreateRequest(body: unknown): CreateRequest {
  if (fits(body)) return body
  const fault = explain(CreateRequest, body)
  if (fault === undefined)
    throw badRequest('invalid_value', '', 'The request body does not fit the schema in /openapi.json.')
  throw badRequest(fault.code, fault.param, fault.message)
}
