import { loadRecordings } from './load.ts'
import { lift } from './ollama-lift.ts'
import { hasErrorChunk, hasFinish, readAll } from './ollama-oracle.ts'
import { replayFamily } from './replay.ts'

replayFamily({
  name: 'ollama',
  recordings: loadRecordings('other-dialects', (id) => id.startsWith('oth-ollama-')),
  provider: { kind: 'ollama' },
  basePath: '/api',
  modelOf: ({ body }) => String(body?.['model']),
  nameOf: ({ request }) => String((request as { body: Record<string, unknown> }).body['model']),
  readAll,
  hasFinish,
  hasErrorChunk,
  lift,
})
