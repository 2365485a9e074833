import { lift } from './anthropic-lift.ts'
import { hasErrorChunk, hasFinish, readAll } from './anthropic-oracle.ts'
import { loadRecordings } from './load.ts'
import { replayFamily, type Replayed } from './replay.ts'

const platforms: readonly Pick<Replayed, 'name' | 'provider' | 'basePath' | 'modelOf' | 'nameOf'>[] = [
  { name: 'anthropic', ...spelling('anthropic', '/v1') },
  { name: 'azure', ...spelling('azure', '/anthropic/v1') },
  { name: 'ollama', ...spelling('ollama', '/v1') },
  {
    name: 'vertex',
    provider: { kind: 'anthropic', dialect: 'vertex', project: 'acme', location: 'us-east5', api_key: 'token' },
    basePath: '/v1',
    modelOf: ({ path }) => pathModel(path),
    nameOf: ({ request }) => pathModel((request as { path: string }).path),
  },
]

function spelling(dialect: string, basePath: string): Omit<(typeof platforms)[number], 'name'> {
  return {
    provider: { kind: 'anthropic', dialect },
    basePath,
    modelOf: ({ body }) => String(body?.['model']),
    nameOf: ({ request }) => String((request as { body: Record<string, unknown> }).body['model']),
  }
}

/** The model in a path of Vertex AI. */
function pathModel(path: string): string {
  return /\/publishers\/anthropic\/models\/([^/:]+):(?:streamR|r)awPredict$/.exec(path)?.[1] ?? ''
}

for (const platform of platforms) {
  replayFamily({
    ...platform,
    name: `anthropic-messages (${platform.name})`,
    recordings: loadRecordings('anthropic-messages', (id) => id.startsWith(`anth-${platform.name}-`)),
    readAll,
    hasFinish,
    hasErrorChunk,
    lift,
  })
}
