import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Response as Snapshot } from '../../src/protocol/response.ts'
import { startTestServer, type TestServer } from '../harness/server.ts'
import { startUpstream, type Upstream } from '../harness/upstream.ts'
import { isSigned, partsToReturn, pathModel } from './gemini-oracle.ts'
import { loadRecordings, NO_RECORDINGS, type Recording } from './load.ts'

const recordings = loadRecordings('gemini').filter(
  (recording) => recording.status === 200 && partsToReturn(recording).some(isSigned),
)
const OTHER = { choices: [{ index: 0, message: { content: 'Well.' }, finish_reason: 'stop' }] }

let upstream: Upstream
let server: TestServer
before(async () => {
  upstream = await startUpstream()
  const base_url = upstream.baseUrl
  server = await startTestServer({
    providers: {
      gemini: { kind: 'gemini', api_key: 'key', base_url },
      other: { kind: 'openai-chat', base_url },
    },
  })
})
after(async () => {
  await server.close()
  await upstream.close()
})

function answerWith({ status, contentType, bytes }: Recording): void {
  const headers = { 'content-type': contentType }
  const other = { headers: { 'content-type': 'application/json' }, chunks: [JSON.stringify(OTHER)] }
  upstream.answer(({ path }) => (pathModel(path) === '' ? other : { status, headers, chunks: bytes }))
}

async function ask(body: object): Promise<Snapshot> {
  const response = await server.post('/responses', body)
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as Snapshot
}

/** What the user says next: the results of calls come first. */
function reply({ output }: Snapshot): object[] {
  const calls = output.flatMap((item) => (item.type === 'function_call' ? [item.call_id] : []))
  return [
    ...calls.map((call_id) => ({ type: 'function_call_output', call_id, output: 'Done.' })),
    { role: 'user', content: 'Go on.' },
  ]
}

type Part = Readonly<Record<string, any>> // eslint-disable-line typescript/no-explicit-any -- What was sent is looked at as it is.

/** The first turn of the model, in what reached the upstream last; calls that came without an id have none. */
function sentTurn(expected: readonly Part[]): readonly Part[] {
  const contents = (upstream.received.at(-1)?.body?.['contents'] ?? []) as { role: string; parts: Part[] }[]
  const parts = contents.find(({ role }) => role === 'model')?.parts ?? []
  return parts.map((part, index) => {
    if (part['functionCall'] === undefined || expected[index]?.['functionCall']?.id !== undefined) return part
    const { id: _, ...functionCall } = part['functionCall'] as Part
    return { ...part, functionCall }
  })
}

for (const recording of recordings) {
  const expected = partsToReturn(recording)
  const signatures = expected.filter(isSigned).length
  const model = `gemini/${pathModel(recording.request?.path ?? '')}`

  test(`${recording.id}: ${signatures} signatures come back to the byte, in their places`, async () => {
    answerWith(recording)
    const stored = await ask({ model, input: 'Think.' })
    await ask({ model, input: reply(stored), previous_response_id: stored.id })
    assert.deepEqual(sentTurn(expected), expected, 'by previous_response_id')
    const loose = await ask({ model, input: 'Think.', store: false, include: ['reasoning.encrypted_content'] })
    const history = [{ role: 'user', content: 'Think.' }, ...loose.output, ...reply(loose)]
    await ask({ model, input: history, store: false })
    assert.deepEqual(sentTurn(expected), expected, 'by encrypted_content')
  })

  test(`${recording.id}: another provider is sent no signature, all come back with the next turn here`, async () => {
    answerWith(recording)
    const first = await ask({ model, input: 'Think.' })
    const away = await ask({ model: 'other/gpt-4o', input: reply(first), previous_response_id: first.id })
    const sent = JSON.stringify(upstream.received.at(-1)?.body)
    for (const { thoughtSignature } of expected.filter(isSigned)) assert.ok(!sent.includes(String(thoughtSignature)))
    await ask({ model, input: 'And now?', previous_response_id: away.id })
    assert.deepEqual(sentTurn(expected), expected)
  })
}

test('recordings with signatures are there', { skip: NO_RECORDINGS }, () => assert.ok(recordings.length > 0))
