import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { TransportError, type Transport, type TransportRequest } from '../core/transport.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import { createTokenSource, googleTransport } from './google-auth.ts'
import { bodyOf } from './testing/body.ts'
import { providerSetup } from './testing/chat-provider.ts'

const folder = mkdtempSync(join(tmpdir(), 'antiphon-google-'))
after(() => rmSync(folder, { recursive: true }))

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
})
// What a key file holds, made for this run.
const ACCOUNT = {
  type: 'service_account',
  client_email: 'antiphon@acme.example',
  private_key: privateKey,
  private_key_id: 'k1',
  token_uri: 'https://tokens.example/token',
}
const START_MS = 1_700_000_000_000

let files = 0
function keyFile(content: string | object): string {
  const path = join(folder, `${files++}.json`)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

interface Reply {
  readonly status?: number
  readonly body?: unknown
  readonly after?: Promise<void>
  readonly breaks?: TransportError
}

/** Answers each request with the next reply, and keeps what it was asked. */
function scripted(replies: readonly Reply[]) {
  const requests: TransportRequest[] = []
  const transport: Transport = {
    async send(request) {
      const { status = 200, body = {}, after: wait, breaks } = replies[requests.push(request) - 1] ?? {}
      await wait
      if (breaks !== undefined) throw breaks
      const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
      return { status, headers: {}, body: bodyOf(once(bytes)) }
    },
  }
  return { transport, requests }
}

async function* once(bytes: Uint8Array) {
  yield bytes
}

function source(replies: readonly Reply[], file: string | object = ACCOUNT) {
  const clock = { ms: START_MS }
  const { transport, requests } = scripted(replies)
  const { userAgent, timeouts } = providerSetup(transport, { dialect: 'vertex' })
  const needs = { transport, userAgent, timeouts, now: () => clock.ms, credentialsFile: keyFile(file) }
  return { tokens: createTokenSource(needs), requests, clock }
}

const token = (value: string, expires_in?: unknown): Reply => ({ body: { access_token: value, expires_in } })
const signal = new AbortController().signal

async function problemOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof UpstreamError)
  const { cause, ...problem } = error.problem
  return { ...problem, why: cause instanceof Error ? cause.message : undefined }
}

test('The account proves who it is with a signed claim, which becomes a token', async () => {
  const { tokens, requests } = source([token('ya29.one', 3600)])
  assert.equal(await tokens.token(signal), 'ya29.one')
  const [request] = requests
  assert.equal(request?.url.href, 'https://tokens.example/token')
  assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded')
  const form = new URLSearchParams(request.body)
  assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer')
  const [header = '', claim = '', signature = ''] = (form.get('assertion') ?? '').split('.')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown
  assert.deepEqual(read(header), { alg: 'RS256', typ: 'JWT', kid: 'k1' })
  assert.deepEqual(read(claim), {
    iss: 'antiphon@acme.example',
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    aud: 'https://tokens.example/token',
    iat: START_MS / 1000,
    exp: START_MS / 1000 + 3600,
  })
  const isSigned = verify(
    'RSA-SHA256',
    Buffer.from(`${header}.${claim}`),
    createPublicKey(publicKey),
    Buffer.from(signature, 'base64url'),
  )
  assert.ok(isSigned)
})

const lifetimes = [
  { expires_in: 3600, kept_s: 3300 },
  { expires_in: 100, kept_s: 50 },
  { expires_in: undefined, kept_s: 3300 },
  { expires_in: 'soon', kept_s: 3300 },
]
for (const { expires_in, kept_s } of lifetimes) {
  test(`A token that lasts ${expires_in} s is kept for ${kept_s} s`, async () => {
    const { tokens, requests, clock } = source([token('one', expires_in), token('two', expires_in)])
    await tokens.token(signal)
    clock.ms = START_MS + kept_s * 1000 - 1
    assert.equal(await tokens.token(signal), 'one')
    clock.ms = START_MS + kept_s * 1000
    assert.equal(await tokens.token(signal), 'two')
    assert.equal(requests.length, 2)
  })
}

test('Many who wait share one exchange, and one who leaves does not end it', async () => {
  const gate = Promise.withResolvers<void>()
  const { tokens, requests } = source([{ ...token('one', 3600), after: gate.promise }])
  const leaving = new AbortController()
  const waits = [tokens.token(leaving.signal), tokens.token(signal), tokens.token(signal)]
  leaving.abort(new Error('gone'))
  await assert.rejects(waits[0] ?? Promise.resolve(), /gone/)
  gate.resolve()
  assert.deepEqual(await Promise.all(waits.slice(1)), ['one', 'one'])
  assert.equal(requests.length, 1)
  await assert.rejects(tokens.token(leaving.signal), /gone/)
})

test('A failed exchange is not kept', async () => {
  const { tokens } = source([{ status: 503 }, token('two')])
  await assert.rejects(tokens.token(signal))
  assert.equal(await tokens.token(signal), 'two')
})

test('A token that was refused is replaced; one that was replaced already is not', async () => {
  const { tokens } = source([token('one'), token('two')])
  await tokens.token(signal)
  tokens.forget('another')
  assert.equal(await tokens.token(signal), 'one')
  tokens.forget('one')
  assert.equal(await tokens.token(signal), 'two')
})

const AUTH = 'The model provider refused the credentials that this server is configured with.'
const useless = [
  { what: 'is no JSON', file: privateKey, why: 'credentials_file is not a JSON object' },
  {
    what: 'is a user',
    file: { ...ACCOUNT, type: 'authorized_user' },
    why: 'credentials_file is not the key file of a service account',
  },
  {
    what: 'has no key',
    file: { ...ACCOUNT, private_key: 5 },
    why: 'credentials_file has no client_email or no private_key',
  },
  {
    what: 'has a broken key',
    file: { ...ACCOUNT, private_key: privateKey.slice(0, 200) },
    why: 'credentials_file has a private_key that is none',
  },
  {
    what: 'has a broken address',
    file: { ...ACCOUNT, token_uri: '//' },
    why: 'credentials_file has a token_uri that is no URL',
  },
]
for (const { what, file, why } of useless) {
  test(`A key file that ${what} is the operator's fault, told without its text`, async () => {
    const { tokens, requests } = source([], file)
    assert.deepEqual(await problemOf(tokens.token(signal)), { fault: 'auth', message: AUTH, why })
    assert.equal(requests.length, 0)
  })
}

test('A key file that is not there is the operator’s fault', async () => {
  const { transport } = scripted([])
  const setup = providerSetup(transport, { dialect: 'vertex', apiKey: '', own: { credentials_file: '/nowhere/key' } })
  const asked = googleTransport(setup).send(request({}))
  assert.deepEqual(await problemOf(asked), {
    fault: 'auth',
    message: AUTH,
    why: 'credentials_file cannot be read: ENOENT',
  })
})

const DOWN = { fault: 'unavailable', message: 'The model provider cannot be reached.', accepted: false }
const LATE = { fault: 'timeout', message: 'The model provider did not answer in time.', accepted: false }
const answers = [
  {
    reply: { status: 400, body: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' } },
    problem: { fault: 'auth', message: AUTH, why: 'the token endpoint answered 400 invalid_grant instead of a token' },
  },
  {
    reply: { body: { access_token: 7 } },
    problem: { fault: 'auth', message: AUTH, why: 'the token endpoint answered 200 instead of a token' },
  },
  {
    reply: { status: 302, body: '<html>' },
    problem: { fault: 'auth', message: AUTH, why: 'the token endpoint answered 302 instead of a token' },
  },
  { reply: { status: 503, body: '<html>' }, problem: { ...DOWN, why: 'The token endpoint answered 503.' } },
  { reply: { status: 429 }, problem: { ...DOWN, why: 'The token endpoint answered 429.' } },
  {
    reply: { breaks: new TransportError({ isUnsent: false, isTimeout: false, cause: undefined }) },
    problem: { ...DOWN, why: 'The connection failed.' },
  },
  {
    reply: { breaks: new TransportError({ isUnsent: true, isTimeout: true, cause: undefined }) },
    problem: { ...LATE, why: 'The connection failed.' },
  },
]
for (const { reply, problem } of answers) {
  test(`An exchange that ends with ${JSON.stringify(reply)} is ${problem.fault}`, async () => {
    assert.deepEqual(await problemOf(source([reply]).tokens.token(signal)), problem)
  })
}

function request(headers: Record<string, string>): TransportRequest {
  const url = new URL('https://models.example/v1/x')
  return { method: 'POST', url, headers, firstByte_ms: 1, idle_ms: 1, signal }
}

test('Requests carry the token; one that was refused is not sent again', async () => {
  const { transport, requests } = scripted([token('one'), { status: 401 }, token('two'), {}])
  const setup = providerSetup(transport, {
    dialect: 'vertex',
    apiKey: '',
    own: { credentials_file: keyFile(ACCOUNT) },
  })
  const out = googleTransport(setup)
  await out.send(request({ 'x-mine': '1' }))
  await out.send(request({}))
  const sent = requests.map(({ headers }) => [headers['authorization'], headers['x-mine']])
  assert.deepEqual(sent, [
    [undefined, undefined],
    ['Bearer one', '1'],
    [undefined, undefined],
    ['Bearer two', undefined],
  ])
})

test('Where a key is given, or nothing at all, no token is fetched', () => {
  const { transport } = scripted([])
  const own = { credentials_file: '/nowhere/key' }
  assert.equal(googleTransport(providerSetup(transport, { dialect: 'vertex', own })), transport)
  assert.equal(googleTransport(providerSetup(transport, { dialect: 'vertex', apiKey: '' })), transport)
})
