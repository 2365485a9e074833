import type { ModelCall } from '../../core/model-call.ts'
import { createCallFilter } from '../fields.ts'
import { buildChatRequest, type ChatRequest } from '../openai-chat/request.ts'
import { contentOf, DIALECTS, fieldsOf, type DialectName } from '../openai-chat/tables.ts'

/** What a call becomes in a dialect, as the adapter makes it. */
export function chatRequest(call: ModelCall, dialect: DialectName = 'generic', forwardsUrls = true): ChatRequest {
  const { quirks } = DIALECTS[dialect]
  const content = contentOf(quirks)
  const filter = createCallFilter(fieldsOf(quirks), forwardsUrls ? content : { ...content, imageUrl: 'fetch' })
  const settled = filter(call)
  const { body, warnings } = buildChatRequest(settled.call, quirks)
  return { body, warnings: [...settled.warnings, ...warnings] }
}
