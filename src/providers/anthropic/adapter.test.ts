import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { HistoryItem } from '../../core/model-call.ts'
import type { ProviderSetup } from '../family.ts'
import { hear, problemOf, providerSetup } from '../testing/chat-provider.ts'
import { assistant, functionCall, functionOutput, modelCall, user } from '../testing/model-call.ts'
import { OneAnswer } from '../testing/one-answer.ts'
import { anthropic } from './adapter.ts'
import type { DialectName } from './tables.ts'
import { begins, fails, piece, says, stops, text, whole } from './testing/events.ts'

const HI = JSON.stringify(whole([text('Hi')]))

function adapterAt(
  server: OneAnswer,
  dialect: DialectName,
  setup: Partial<Omit<ProviderSetup, 'timeouts' | 'limits'>> = {},
) {
  return anthropic.create(providerSetup(server, { dialect, ...setup }))
}

/** What leaves for a dialect: where to, and with which credentials. */
const places: readonly {
  readonly dialect: DialectName
  readonly setup?: Partial<Pick<ProviderSetup, 'baseUrl' | 'apiKey' | 'own' | 'headers'>>
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}[] = [
  {
    dialect: 'anthropic',
    url: 'https://api.anthropic.com/v1/messages',
    headers: { 'x-api-key': 'hush-hush', 'anthropic-version': '2023-06-01' },
  },
  {
    dialect: 'anthropic',
    setup: { headers: { 'anthropic-beta': 'context-1m-2025-08-07', 'anthropic-version': '2024-01-01' } },
    url: 'https://api.anthropic.com/v1/messages',
    headers: {
      'x-api-key': 'hush-hush',
      'anthropic-version': '2024-01-01',
      'anthropic-beta': 'context-1m-2025-08-07',
    },
  },
  {
    dialect: 'azure',
    setup: { baseUrl: 'https://acme.services.ai.azure.com/anthropic/v1' },
    url: 'https://acme.services.ai.azure.com/anthropic/v1/messages',
    headers: { 'api-key': 'hush-hush', 'anthropic-version': '2023-06-01' },
  },
  {
    dialect: 'vertex',
    setup: { own: { project: 'acme', location: 'us-east5' } },
    url: 'https://us-east5-aiplatform.googleapis.com/v1/projects/acme/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict',
    headers: { authorization: 'Bearer hush-hush' },
  },
  {
    dialect: 'ollama',
    setup: { apiKey: '' },
    url: 'http://127.0.0.1:11434/v1/messages',
    headers: { 'anthropic-version': '2023-06-01' },
  },
  {
    dialect: 'compatible',
    setup: { baseUrl: 'https://a.example/anthropic/v1' },
    url: 'https://a.example/anthropic/v1/messages',
    headers: { 'x-api-key': 'hush-hush', authorization: 'Bearer hush-hush', 'anthropic-version': '2023-06-01' },
  },
]
const CREDENTIALS = ['x-api-key', 'api-key', 'authorization', 'anthropic-version', 'anthropic-beta']
for (const { dialect, setup, url, headers } of places) {
  test(`${dialect} is asked at ${url} with ${Object.keys(headers).join(', ')}`, async () => {
    const server = new OneAnswer(HI)
    const { error } = await hear(adapterAt(server, dialect, setup), { fields: { model: 'claude-sonnet-4-5@20250929' } })
    assert.equal(error, undefined)
    const [request] = server.requests
    assert.equal(request?.url.href, url)
    const sent = CREDENTIALS.flatMap((name) =>
      request.headers[name] === undefined ? [] : [[name, request.headers[name]]],
    )
    assert.deepEqual(Object.fromEntries(sent), headers)
  })
}

const models = [
  { model: 'claude-sonnet-4-5', canStream: false, path: /\/models\/claude-sonnet-4-5:rawPredict$/ },
  { model: '../../x?y#z', canStream: true, path: /\/models\/\.\.%2F\.\.%2Fx%3Fy%23z:streamRawPredict$/ },
]
for (const { model, canStream, path } of models) {
  test(`On Vertex AI, ${model} stands in the path ${path}`, async () => {
    const server = new OneAnswer(HI)
    await hear(adapterAt(server, 'vertex', { own: { project: 'p', location: 'l' } }), { fields: { model, canStream } })
    assert.match(server.requests[0]?.url.href ?? '', path)
  })
}

const THOUGHT: HistoryItem = {
  type: 'reasoning',
  text: '',
  state: { type: 'thinking', thinking: '', signature: 'c2ln' },
}

test('The beta that lets thinking go goes beside those of the configuration, where it is used', async () => {
  const server = new OneAnswer(HI)
  const adapter = adapterAt(server, 'anthropic', { headers: { 'anthropic-beta': 'mine' } })
  const history = [user('Hi'), THOUGHT, assistant('Yes?'), user('Go on.')]
  await hear(adapter, { fields: { model: 'claude-opus-5-5', history } })
  await hear(adapter, { fields: { model: 'claude-opus-5', history } })
  assert.deepEqual(
    server.requests.map(({ headers }) => headers['anthropic-beta']),
    ['mine,thinking-binding-controls-2026-08-01', 'mine'],
  )
})

test('A service account of Vertex AI is exchanged for a token first', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'antiphon-vertex-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const credentials_file = join(folder, 'key.json')
  const token_uri = 'https://tokens.example/token'
  writeFileSync(
    credentials_file,
    JSON.stringify({ type: 'service_account', client_email: 'a@b', private_key: privateKey, token_uri }),
  )
  const server = new OneAnswer(
    JSON.stringify({ ...whole([text('Hi')]), access_token: 'ya29.fresh-token', expires_in: 3600 }),
  )
  const own = { project: 'p', location: 'global', credentials_file }
  const { error } = await hear(adapterAt(server, 'vertex', { apiKey: '', own }))
  assert.equal(error, undefined)
  assert.deepEqual(
    server.requests.map(({ url, headers }) => [url.host, headers['authorization']]),
    [
      ['tokens.example', undefined],
      ['aiplatform.googleapis.com', 'Bearer ya29.fresh-token'],
    ],
  )
})

test('URLs of users are fetched where the platform does not take them, or is in a private network', () => {
  const server = new OneAnswer(HI)
  const own = { project: 'p', location: 'l' }
  const treatments = [
    adapterAt(server, 'anthropic'),
    adapterAt(server, 'anthropic', { forwardUrls: false }),
    adapterAt(server, 'vertex', { own }),
    adapterAt(server, 'ollama'),
  ].map(({ content }) => [content.imageUrl, content.fileUrl])
  assert.deepEqual(treatments, [
    ['map', 'map'],
    ['fetch', 'fetch'],
    ['fetch', 'fetch'],
    ['fetch', 'reject'],
  ])
})

test('Models keep to schemas where they and the platform do', () => {
  const server = new OneAnswer(HI)
  const takes = (dialect: DialectName, model: string) =>
    adapterAt(server, dialect, { baseUrl: 'https://a.example' }).takesSchemas(model)
  assert.deepEqual(
    [
      takes('anthropic', 'claude-haiku-4-5'),
      takes('anthropic', 'claude-opus-4-1'),
      takes('azure', 'claude-opus-5-5'),
      takes('vertex', 'claude-opus-5-5'),
      takes('ollama', 'qwen3'),
    ],
    [true, false, true, false, false],
  )
  const claude = adapterAt(server, 'anthropic')
  const stars = { type: 'integer', minimum: 1 }
  assert.equal(claude.takesSchemas('claude-haiku-4-5', false, { type: 'integer' }), true)
  assert.equal(claude.takesSchemas('claude-haiku-4-5', false, stars), 'in part')
  assert.equal(claude.takesSchemas('claude-opus-4-1', false, stars), false)
})

test('Models are listed, but not by Vertex AI', async () => {
  const server = new OneAnswer('{"data":[{"type":"model","id":"claude-opus-5-5"},{"id":5}],"has_more":false}')
  const { signal } = new AbortController()
  assert.deepEqual(await adapterAt(server, 'anthropic').listModels(signal), ['claude-opus-5-5'])
  assert.equal(server.requests[0]?.url.href, 'https://api.anthropic.com/v1/models?limit=1000')
  assert.deepEqual(await adapterAt(server, 'vertex', { own: { project: 'p', location: 'l' } }).listModels(signal), [])
  assert.equal(server.requests.length, 1)
})

test('Where calls are shown and no tools offered, theirs are declared, and must not be called', async () => {
  const history = [user('Hi'), functionCall('1', 'f'), functionOutput('1', 'x')]
  const sent = async (dialect: DialectName) => {
    const server = new OneAnswer(HI)
    await hear(adapterAt(server, dialect), { fields: { history } })
    const { tools, tool_choice: choice } = JSON.parse(server.requests[0]?.body ?? '') as Record<string, unknown>
    return { tools: (tools as { name: string }[] | undefined)?.map(({ name }) => name), choice }
  }
  assert.deepEqual(await sent('anthropic'), { tools: ['f'], choice: { type: 'none' } })
  assert.deepEqual(await sent('ollama'), { tools: undefined, choice: undefined })
})

test('The same call gives the same bytes', async () => {
  const server = new OneAnswer(HI)
  const call = modelCall({ model: 'claude-opus-5', effort: 'high', promptCacheKey: 'k', history: [user('Hi')] })
  for (let time = 0; time < 2; time++) {
    await adapterAt(server, 'anthropic')
      .prepare(call)
      .send(new AbortController().signal, () => undefined)
  }
  assert.equal(server.requests[0]?.body, server.requests[1]?.body)
})

const events = 'text/event-stream'
const failures = [
  { says: 'overloaded, as the very first event', pieces: [fails('overloaded_error', 'Overloaded')], said: 0 },
  { says: 'rate limited before a word', pieces: [fails('rate_limit_error', 'Slow down.')], said: 0 },
  {
    says: 'overloaded amid the text',
    pieces: [
      begins(0, text('')),
      piece(0, { type: 'text_delta', text: 'Hel' }),
      fails('overloaded_error', 'Overloaded'),
    ],
    said: 1,
  },
]
for (const { says: what, pieces, said } of failures) {
  test(`An error inside a stream ends it: ${what}`, async () => {
    const heard = await hear(adapterAt(new OneAnswer(pieces.join(''), events), 'anthropic'))
    assert.equal(heard.events.length, said)
    const fault = what.startsWith('rate') ? 'rate_limited' : 'unavailable'
    assert.deepEqual([problemOf(heard.error)?.fault, problemOf(heard.error)?.accepted], [fault, true])
  })
}

test('Usage that came before an error goes with it', async () => {
  const started = 'data: {"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1}}}\n\n'
  const pieces = [started, ...says(0, 'Hel'), fails('api_error', 'Oops')]
  const { error } = await hear(adapterAt(new OneAnswer(pieces.join(''), events), 'anthropic'))
  assert.equal(problemOf(error)?.usage?.total_tokens, 6)
})

test('A stream that lacks its last event is whole once the message has stopped', async () => {
  const [stopped = ''] = stops('end_turn')
  const server = new OneAnswer([...says(0, 'Hi'), stopped].join(''), events)
  const heard = await hear(adapterAt(server, 'anthropic'))
  assert.deepEqual([heard.error, heard.events.at(-1)?.type], [undefined, 'finish'])
})

test('Chat Completions are passed on to Anthropic, with the key as they know it', async () => {
  const server = new OneAnswer('{"choices":[]}')
  const { chat } = adapterAt(server, 'anthropic')
  const answer = await chat?.send({ model: 'claude-opus-5' }, new AbortController().signal)
  const [request] = server.requests
  assert.equal(request?.url.href, 'https://api.anthropic.com/v1/chat/completions')
  assert.deepEqual([request.headers['authorization'], request.headers['x-api-key']], ['Bearer hush-hush', undefined])
  assert.equal(answer?.status, 200)
  assert.equal(adapterAt(server, 'vertex', { own: { project: 'p', location: 'l' } }).chat, undefined)
})
