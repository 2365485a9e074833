import type { Adapter } from '../adapter.ts'
import type { Family, ProviderSetup } from '../family.ts'
import { createCallFilter } from '../fields.ts'
import { openAiWire } from '../openai-wire.ts'
import { preparePosted, type Posted } from '../posted.ts'
import { buildResponsesRequest } from './request.ts'
import { createResponsesReader } from './stream.ts'
import { dialectOf, fieldsOf, PARAM_NAMES } from './tables.ts'

/** Everything that speaks Responses itself. */
export const openAiResponses: Family = {
  about: 'Responses: OpenAI, and everybody who speaks it natively. Its state is kept here: nothing is stored there.',
  create: createAdapter,
  fieldsOf: (dialect) => fieldsOf(dialectOf(dialect).quirks),
  contentOf: (dialect) => dialectOf(dialect).quirks.content,
}

function createAdapter(setup: ProviderSetup): Adapter {
  const dialect = dialectOf(setup.dialect)
  const { quirks } = dialect
  const { wire, query, common } = openAiWire(setup, dialect, { paramNames: PARAM_NAMES, content: quirks.content })
  const posted: Posted = {
    wire,
    path: `/responses${query}`,
    filter: createCallFilter(fieldsOf(quirks), common.content, quirks.ownTools ? 'own tools' : 'functions'),
    build: (call) => buildResponsesRequest(call, quirks),
    createReader: (options) => createResponsesReader({ ...options, takesThoughts: quirks.takesThoughts }),
  }
  return {
    ...common,
    takesSchemas: () => quirks.formats === 'all' || quirks.formats === 'schemas alone',
    prepare: (call) => preparePosted(posted, call),
  }
}
