import type { Adapter } from '../adapter.ts'
import { CHAT_PATH } from '../chat-pass-through.ts'
import type { Family, ProviderSetup } from '../family.ts'
import { createCallFilter } from '../fields.ts'
import { openAiWire } from '../openai-wire.ts'
import { preparePosted, type Posted } from '../posted.ts'
import { buildChatRequest } from './request.ts'
import { createChatReader } from './stream.ts'
import { contentOf, DIALECTS, fieldsOf, PARAM_NAMES, type Dialect, type DialectName } from './tables.ts'

/** Everything that speaks Chat Completions. */
export const openAiChat: Family = {
  about: 'Chat Completions: OpenAI and everybody who took over its wire, hosted or local.',
  create: createAdapter,
  fieldsOf: (dialect) => fieldsOf(dialectOf(dialect).quirks),
  contentOf: (dialect) => contentOf(dialectOf(dialect).quirks),
}

function dialectOf(name: string): Dialect {
  return DIALECTS[name as DialectName] // The configuration's check allows no other.
}

function createAdapter(setup: ProviderSetup): Adapter {
  const dialect = dialectOf(setup.dialect)
  const { quirks } = dialect
  const { wire, query, common } = openAiWire(setup, dialect, { paramNames: PARAM_NAMES, content: contentOf(quirks) })
  const posted: Posted = {
    wire,
    path: CHAT_PATH + query,
    filter: createCallFilter(fieldsOf(quirks), common.content),
    build: (call) => buildChatRequest(call, quirks),
    createReader: (options) => createChatReader(quirks, options),
  }
  return {
    ...common,
    takesSchemas: () => quirks.jsonSchema,
    prepare: (call) => preparePosted(posted, call),
  }
}
