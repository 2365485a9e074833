import type { ModelCall } from '../../../core/model-call.ts'
import type { JsonObject } from '../../../protocol/json.ts'
import { modelCall } from '../../testing/model-call.ts'
import { buildResponsesRequest, type ResponsesRequest } from '../request.ts'
import { DIALECTS, type DialectName } from '../tables.ts'

/** What a call becomes in a dialect. */
export function requestIn(dialect: DialectName, call: Partial<ModelCall>): ResponsesRequest {
  return buildResponsesRequest(modelCall(call), DIALECTS[dialect].quirks)
}

/** The body of what a call becomes. */
export function bodyIn(dialect: DialectName, call: Partial<ModelCall>): JsonObject {
  return requestIn(dialect, call).body
}
