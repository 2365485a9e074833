import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelCall } from '../../core/model-call.ts'
import type { ProviderSetup } from '../family.ts'
import { hear, providerSetup } from '../testing/chat-provider.ts'
import { modelCall } from '../testing/model-call.ts'
import { OneAnswer } from '../testing/one-answer.ts'
import { gemini } from './adapter.ts'
import { chunk, frame, says } from './testing/answers.ts'

type Setup = Partial<Pick<ProviderSetup, 'dialect' | 'baseUrl' | 'apiKey' | 'own' | 'headers'>>

const STOP = { finishReason: 'STOP' }
const SSE = 'text/event-stream'

function adapterAt(server: OneAnswer, setup: Setup = {}) {
  return gemini.create(providerSetup(server, { dialect: 'ai-studio', ...setup }))
}

async function askedAt(setup: Setup, fields: Partial<ModelCall> = {}) {
  const server = new OneAnswer(says('Hi', STOP), SSE)
  await hear(adapterAt(server, setup), { fields: { model: 'gemini-3.8-flash', ...fields } })
  return server.requests[0]
}

const project = { project: 'acme', location: 'europe-west4' }
const MODELS = '/publishers/google/models'
const addresses: readonly (readonly [setup: Setup, model: string, url: string])[] = [
  [{}, 'gemini-x', 'https://generativelanguage.googleapis.com/v1beta/models/gemini-x'],
  [{}, 'models/gemini-x', 'https://generativelanguage.googleapis.com/v1beta/models/gemini-x'],
  [{}, 'tunedModels/my-own', 'https://generativelanguage.googleapis.com/v1beta/tunedModels/my-own'],
  [{}, '../../x?y#z', 'https://generativelanguage.googleapis.com/v1beta/models/..%2F..%2Fx%3Fy%23z'],
  [{}, '..', 'https://generativelanguage.googleapis.com/v1beta/models/..'],
  [{}, 'models/..', 'https://generativelanguage.googleapis.com/v1beta/models/models%2F..'],
  [
    { dialect: 'vertex', own: project },
    'publishers/../models/x',
    `https://europe-west4-aiplatform.googleapis.com/v1/projects/acme/locations/europe-west4${MODELS}/publishers%2F..%2Fmodels%2Fx`,
  ],
  [{ baseUrl: 'http://gate/v1' }, 'gemini-x', 'http://gate/v1/models/gemini-x'],
  [
    { dialect: 'vertex', own: project },
    'gemini-x',
    `https://europe-west4-aiplatform.googleapis.com/v1/projects/acme/locations/europe-west4${MODELS}/gemini-x`,
  ],
  [
    { dialect: 'vertex', own: { project: 'acme' } },
    'gemini-x',
    `https://aiplatform.googleapis.com/v1/projects/acme/locations/global${MODELS}/gemini-x`,
  ],
  [
    { dialect: 'vertex', own: project },
    'endpoints/123',
    'https://europe-west4-aiplatform.googleapis.com/v1/projects/acme/locations/europe-west4/endpoints/123',
  ],
  [{ dialect: 'vertex' }, 'gemini-x', `https://aiplatform.googleapis.com/v1${MODELS}/gemini-x`],
  [{ dialect: 'vertex', baseUrl: 'http://gate/v2' }, 'gemini-x', `http://gate/v2${MODELS}/gemini-x`],
  [
    { dialect: 'vertex', baseUrl: 'http://gate/v2', own: project },
    'gemini-x',
    `http://gate/v2/projects/acme/locations/europe-west4${MODELS}/gemini-x`,
  ],
]
for (const [setup, model, url] of addresses) {
  test(`${model} is asked at ${url}`, async () => {
    const [streamed, whole] = [await askedAt(setup, { model }), await askedAt(setup, { model, canStream: false })]
    assert.equal(streamed?.url.href, `${url}:streamGenerateContent?alt=sse`)
    assert.equal(whole?.url.href, `${url}:generateContent`)
  })
}

test('The key goes into a header, never into the URL; a token of the configuration goes as it is', async () => {
  for (const dialect of ['ai-studio', 'vertex']) {
    const request = await askedAt({ dialect })
    assert.equal(request?.headers['x-goog-api-key'], 'hush-hush')
    assert.ok(!request.url.href.includes('hush'))
  }
  const bearer = await askedAt({ dialect: 'vertex', apiKey: '', own: project, headers: { authorization: 'Bearer t' } })
  assert.deepEqual([bearer?.headers['authorization'], bearer?.headers['x-goog-api-key']], ['Bearer t', undefined])
})

test('A tier that Vertex takes in a header is sent there', async () => {
  const request = await askedAt({ dialect: 'vertex', own: project }, { serviceTier: 'flex' })
  assert.equal(request?.headers['x-vertex-ai-llm-shared-request-type'], 'flex')
})

test('Calls at once, which Gemini makes anyway, are no matter for a warning', () => {
  const tools = [{ name: 'f', description: undefined, parameters: undefined, strict: undefined }]
  const adapter = adapterAt(new OneAnswer(''))
  const warnings = (parallelToolCalls: boolean) => adapter.prepare(modelCall({ tools, parallelToolCalls })).warnings
  assert.deepEqual([warnings(true).length, warnings(false).length], [0, 1])
})

const HI = [
  { type: 'text', text: 'Hel' },
  { type: 'text', text: 'lo' },
  { type: 'finish', reason: 'stop' },
]
const shapes = [
  { what: 'a stream of events', text: says('Hel') + says('lo', STOP), type: SSE },
  {
    what: 'one list',
    text: JSON.stringify([chunk({ text: 'Hel' }), chunk({ text: 'lo' }, STOP)]),
    type: 'application/json',
  },
]
for (const { what, text, type } of shapes) {
  test(`A stream that comes as ${what} is read`, async () => {
    const { events, error } = await hear(adapterAt(new OneAnswer(text, type)))
    assert.deepEqual([events, error], [HI, undefined])
  })
}

const OVERLOADED = { error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } }
const faults: readonly { where: string; text: string; type?: string; fault: string; said?: number }[] = [
  { where: 'as the first event', text: frame(OVERLOADED), fault: 'unavailable' },
  { where: 'after words', text: says('Hi') + frame(OVERLOADED), fault: 'unavailable', said: 1 },
  { where: 'as bare JSON', text: JSON.stringify(OVERLOADED, null, 2), fault: 'unavailable' },
  {
    where: 'as bare JSON after the finish',
    text: says('Hi', STOP) + JSON.stringify(OVERLOADED),
    fault: 'unavailable',
    said: 1,
  },
  { where: 'in one piece', text: JSON.stringify(OVERLOADED), type: 'application/json', fault: 'unavailable' },
  { where: 'in a list of one', text: JSON.stringify([OVERLOADED]), type: 'application/json', fault: 'unavailable' },
  {
    where: 'in a list, behind words',
    text: JSON.stringify([chunk({ text: 'Hi' }), OVERLOADED]),
    type: 'application/json',
    fault: 'unavailable',
  },
  {
    where: 'without a number',
    text: frame({ error: { message: 'No.', status: 'RESOURCE_EXHAUSTED' } }),
    fault: 'rate_limited',
  },
  { where: 'as a bad key', text: frame({ error: { code: 400, message: 'API key not valid.' } }), fault: 'auth' },
  {
    where: 'as a call that cannot be read',
    text: frame({ candidates: [{ finishReason: 'MALFORMED_FUNCTION_CALL' }] }),
    fault: 'invalid_response',
  },
  {
    where: 'as an answer to another question',
    text: '{"totalTokens":36}',
    type: 'application/json',
    fault: 'invalid_response',
  },
  { where: 'as an empty list', text: '[]', type: 'application/json', fault: 'invalid_response' },
]
for (const { where, text, type = SSE, fault, said = 0 } of faults) {
  test(`An error ${where} is ${fault}`, async () => {
    const { events, problem } = await hear(adapterAt(new OneAnswer(text, type)))
    assert.deepEqual([problem?.fault, problem?.accepted], [fault, true])
    assert.equal(events.length, said)
  })
}

const lists = [
  {
    body: {
      models: [
        { name: 'models/gemini-x', supportedGenerationMethods: ['generateContent', 'countTokens'] },
        { name: 'models/embedder', supportedGenerationMethods: ['embedContent'] },
        { name: 'tunedModels/my-own' },
        { name: 5 },
        null,
      ],
    },
    models: ['gemini-x', 'tunedModels/my-own'],
  },
  { body: { models: 'gemini-x' }, models: [] },
  { body: [], models: [] },
]
for (const { body, models } of lists) {
  test(`The models of ${JSON.stringify(body).slice(0, 40)} are ${models.join(', ')}`, async () => {
    const server = new OneAnswer(JSON.stringify(body))
    assert.deepEqual(await adapterAt(server).listModels(new AbortController().signal), models)
    assert.equal(server.requests[0]?.url.href, 'https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000')
  })
}

test('Vertex is not asked for a list that it does not have', async () => {
  const server = new OneAnswer('{}')
  assert.deepEqual(await adapterAt(server, { dialect: 'vertex' }).listModels(new AbortController().signal), [])
  assert.equal(server.requests.length, 0)
})
