import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestServer } from '../harness/server.ts'
import { startUpstream } from '../harness/upstream.ts'
import { hasErrorChunk, hasFinish, readAll } from './bedrock-oracle.ts'
import { liftConverse } from './bedrock-lift.ts'
import { loadRecordings, type RecordedRequest } from './load.ts'
import { replayFamily } from './replay.ts'

const PROVIDER = { kind: 'bedrock', region: 'us-east-1', api_key: 'test-key' }

const recordings = loadRecordings('bedrock')
const isConverse = ({ request }: { request?: RecordedRequest | undefined }) =>
  /\/converse(?:-stream)?$/.test(request?.path ?? '')

/** `/model/NAME/converse-stream`. */
const modelIn = (path: string) => decodeURIComponent(path.split('/')[2] ?? '')

replayFamily({
  name: 'bedrock',
  recordings: recordings.filter(isConverse),
  provider: PROVIDER,
  basePath: '',
  modelOf: ({ path }) => modelIn(path),
  nameOf: ({ request }) => modelIn(request.path),
  readAll,
  hasFinish,
  hasErrorChunk,
  lift: ({ request }) => liftConverse(request),
})

// InvokeModel has the wire of each model's own vendor, which is another family's, or none of today: what it answers
// is no answer to Converse. Only its errors are worded alike.
for (const recording of recordings.filter((candidate) => !isConverse(candidate))) {
  test(`${recording.id}, an answer of InvokeModel, is not taken for one of Converse`, async (context) => {
    const upstream = await startUpstream()
    context.after(() => upstream.close())
    const { status, contentType, bytes } = recording
    upstream.answer(() => ({ status, headers: { 'content-type': contentType }, chunks: [...bytes] }))
    const server = await startTestServer({
      providers: { replay: { ...PROVIDER, base_url: new URL(upstream.baseUrl).origin } },
    })
    context.after(() => server.close())
    for (const stream of [false, true]) {
      const answer = await server.post('/responses', { model: 'replay/m', input: 'Replay.', stream })
      const said = (await answer.json()) as { error: { code: string; message: string } }
      const [expected, code] = status === 400 ? [400, 'upstream_rejected'] : [503, 'upstream_invalid_response']
      assert.deepEqual([answer.status, said.error.code], [expected, code], said.error.message)
    }
  })
}
