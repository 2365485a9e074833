import type { ModelCall } from '../../../core/model-call.ts'
import type { JsonObject } from '../../../protocol/json.ts'
import { createCallFilter } from '../../fields.ts'
import { modelCall } from '../../testing/model-call.ts'
import { buildMessagesRequest, type MessagesRequest } from '../request.ts'
import { contentOf, DIALECTS, fieldsOf, type DialectName } from '../tables.ts'

/** What a call becomes in a dialect, as the adapter makes it; of Claude Sonnet 4.5 unless the call names another. */
export function messagesRequest(fields: Partial<ModelCall> = {}, dialect: DialectName = 'anthropic'): MessagesRequest {
  const facts = DIALECTS[dialect]
  const filter = createCallFilter(fieldsOf(facts), contentOf(facts))
  const settled = filter(modelCall({ model: 'claude-sonnet-4-5', ...fields }))
  const request = buildMessagesRequest(settled.call, facts)
  return { ...request, warnings: [...settled.warnings, ...request.warnings] }
}

/** Some fields of the body. */
export function sentFields(request: MessagesRequest, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(request.body).filter(([name]) => names.includes(name)))
}
