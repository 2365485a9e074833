import { hasErrorChunk, hasFinish, readAll } from './chat-oracle.ts'
import { loadRecordings } from './load.ts'
import { replayFamily } from './replay.ts'

replayFamily({
  name: 'chat-completions',
  recordings: loadRecordings('chat-completions'),
  provider: { kind: 'openai-chat' },
  basePath: '/v1',
  modelOf: ({ body }) => String(body?.['model']),
  readAll,
  hasFinish,
  hasErrorChunk,
})
