import { lift } from './gemini-lift.ts'
import { hasErrorChunk, hasFinish, pathModel, readAll } from './gemini-oracle.ts'
import { loadRecordings } from './load.ts'
import { replayFamily, type Replayed } from './replay.ts'

const platforms: readonly Pick<Replayed, 'name' | 'provider' | 'basePath'>[] = [
  { name: 'google-ai-studio', provider: { kind: 'gemini', api_key: 'key' }, basePath: '/v1beta' },
  {
    name: 'vertex',
    provider: { kind: 'gemini', dialect: 'vertex', project: 'acme', location: 'us-east5', api_key: 'key' },
    basePath: '/v1',
  },
]

for (const platform of platforms) {
  replayFamily({
    ...platform,
    name: `gemini (${platform.name})`,
    recordings: loadRecordings('gemini', (id) => id.startsWith(`gem-${platform.name}-`)),
    modelOf: ({ path }) => pathModel(path),
    nameOf: ({ request }) => pathModel((request as { path: string }).path),
    readAll,
    hasFinish,
    hasErrorChunk,
    lift,
  })
}
