import { lift } from './cohere-lift.ts'
import { hasErrorChunk, hasFinish, readAll } from './cohere-oracle.ts'
import { loadRecordings } from './load.ts'
import { replayFamily } from './replay.ts'

replayFamily({
  name: 'cohere',
  recordings: loadRecordings('other-dialects', (id) => id.startsWith('oth-cohere-')).filter(
    ({ request }) => request?.path === '/v2/chat',
  ),
  provider: { kind: 'cohere' },
  basePath: '/v2',
  modelOf: ({ body }) => String(body?.['model']),
  nameOf: ({ request }) => String((request as { body: Record<string, unknown> }).body['model']),
  readAll,
  hasFinish,
  hasErrorChunk,
  lift,
})
