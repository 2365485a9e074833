import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasErrorChunk, hasFinish, readAll } from './chat-oracle.ts'
import { loadRecordings, NO_RECORDINGS, type Recording } from './load.ts'
import { replayFamily } from './replay.ts'

const all = loadRecordings('other-dialects')
const ofWriter = all.filter(({ provider }) => provider === 'writer')

/** Writer speaks Chat Completions, with `message` beside `delta` in its chunks. */
replayFamily({
  name: 'writer',
  recordings: ofWriter,
  provider: { kind: 'openai-chat' },
  basePath: '/v1',
  modelOf: ({ body }) => String(body?.['model']),
  readAll,
  hasFinish,
  hasErrorChunk,
  lift: () => ({ reason: 'It has stop sequences, for which Responses has no words.' }),
})

const V1 = 'Version 1 of Chat, which Cohere has replaced: the family cohere speaks version 2.'
const INTERACTIONS = 'Interactions: the family gemini speaks generateContent, by which the same models answer.'

/** Recordings of wires that no adapter speaks, and why. */
const UNSPOKEN: Readonly<Record<string, string>> = {
  'oth-cohere-001': V1,
  'oth-cohere-011': V1,
  'oth-google-interactions-001': INTERACTIONS,
  'oth-google-interactions-003': INTERACTIONS,
  'oth-google-interactions-004': INTERACTIONS,
}

test(
  'every recording of other dialects is replayed, or its wire is one that nobody speaks',
  { skip: NO_RECORDINGS },
  () => {
    const isReplayed = ({ id, provider, request }: Recording) =>
      id.startsWith('oth-ollama-') || provider === 'writer' || request?.path === '/v2/chat'
    const silent = all.filter((recording) => !isReplayed(recording)).map(({ id }) => id)
    assert.deepEqual(silent, Object.keys(UNSPOKEN))
    console.table(UNSPOKEN)
  },
)
