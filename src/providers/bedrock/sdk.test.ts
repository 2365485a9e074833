import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Transport } from '../../core/transport.ts'
import { ApiError } from '../../protocol/error.ts'
import { hear, providerSetup } from '../testing/chat-provider.ts'
import type { WireAnswer } from '../testing/conformance/suite.ts'
import { bedrockWith } from './adapter.ts'
import { loadSdk } from './sdk.ts'
import { delta, ending, exception, START, streamed } from './testing/frames.ts'
import { Answering, bedrockOver } from './testing/provider.ts'

const HI = streamed(START, delta(0, { text: 'Hi' }), ...ending())
const ROLE: WireAnswer = {
  contentType: 'text/xml',
  pieces: [
    `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <AssumeRoleWithWebIdentityResult><Credentials>
        <AccessKeyId>ASIATEST</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
        <SessionToken>session</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration>
      </Credentials></AssumeRoleWithWebIdentityResult>
    </AssumeRoleWithWebIdentityResponse>`,
  ],
}
const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })

test('The SDK is loaded for the first call, once, and again where that failed', async () => {
  let loads = 0
  const family = bedrockWith(() => (++loads === 1 ? Promise.reject(missing) : loadSdk()))
  const server = new Answering(HI)
  const adapter = family.create(providerSetup(server, { dialect: 'converse', own: { region: 'us-east-1' } }))
  assert.equal(loads, 0)
  const first = await hear(adapter)
  assert.ok(first.error instanceof ApiError)
  assert.deepEqual(
    [first.error.status, first.error.code, first.error.message, first.error.headers],
    [
      503,
      'provider_not_installed',
      'The provider acme of this server needs the package @aws-sdk/client-bedrock-runtime, which is not installed. Its operator can add it with: npm install @aws-sdk/client-bedrock-runtime',
      { 'x-should-retry': 'false' },
    ],
  )
  for (let call = 0; call < 3; call++) assert.equal((await hear(adapter)).error, undefined)
  assert.deepEqual([loads, server.requests.length], [2, 3])
})

test('An SDK that cannot be loaded is no package that is missing', async () => {
  const family = bedrockWith(() => Promise.reject(new SyntaxError('Unexpected token')))
  const setup = providerSetup(new Answering(HI), { dialect: 'converse', own: { region: 'us-east-1' } })
  const { error } = await hear(family.create(setup))
  assert.ok(error instanceof ApiError)
  assert.match(error.message, /which cannot be loaded/)
})

/** Runs with nothing of AWS in the environment but this, in a home without profiles. */
async function withEnvironment(own: Readonly<Record<string, string>>, run: () => Promise<void>): Promise<void> {
  const before = { ...process.env }
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name]
  const nowhere = '/nowhere/antiphon'
  Object.assign(process.env, {
    AWS_CONFIG_FILE: nowhere,
    AWS_SHARED_CREDENTIALS_FILE: nowhere,
    AWS_EC2_METADATA_DISABLED: 'true',
    ...own,
  })
  try {
    await run()
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
    Object.assign(process.env, before)
  }
}

const credentials = [
  { own: { AWS_BEARER_TOKEN_BEDROCK: 'bedrock-key' }, sent: /^Bearer bedrock-key$/ },
  {
    own: { AWS_ACCESS_KEY_ID: 'AKIATEST', AWS_SECRET_ACCESS_KEY: 'secret' },
    sent: /^AWS4-HMAC-SHA256 Credential=AKIATEST\/\d{8}\/us-east-1\/bedrock\/aws4_request, .*x-team.*Signature=/,
  },
]
for (const { own, sent } of credentials) {
  test(`Without a key, credentials are those of the environment: ${Object.keys(own).join(', ')}`, async () => {
    await withEnvironment(own, async () => {
      const server = new Answering(HI)
      const { error } = await hear(bedrockOver(server, { apiKey: '', headers: { 'x-team': 'blue' } }))
      assert.equal(error, undefined)
      const headers = server.requests[0]?.headers ?? {}
      assert.match(headers['authorization'] ?? headers['Authorization'] ?? '', sent)
    })
  })
}

const found = [
  { AWS_BEARER_TOKEN_BEDROCK: 'bedrock-key-of-ours' },
  { AWS_ACCESS_KEY_ID: 'AKIATEST', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'session-token-of-ours' },
]
for (const own of found) {
  for (const when of ['before', 'inside'] as const) {
    test(`Credentials that the SDK has found are hidden ${when} an answer: ${Object.keys(own).join(', ')}`, async () => {
      const transport: Transport = {
        send(request) {
          const message = Object.entries(request.headers).join(' and ')
          const answer: WireAnswer =
            when === 'inside'
              ? streamed(START, exception('validationException', message))
              : { status: 400, pieces: [JSON.stringify({ message })] }
          return new Answering(answer).send(request)
        },
      }
      await withEnvironment(own, async () => {
        const { problem } = await hear(bedrockOver(transport, { apiKey: '' }))
        assert.equal(problem?.fault, 'bad_request')
        assert.match(problem.message, /authorization,/i)
        assert.doesNotMatch(problem.message, /-of-ours|Signature=|Credential=/)
      })
    })
  }
}

test('Roles of a web identity are asked for through our transport, and what it gives signs the call', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'antiphon-'))
  const token = join(folder, 'token')
  writeFileSync(token, 'web-identity')
  const own = { AWS_WEB_IDENTITY_TOKEN_FILE: token, AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/antiphon' }
  const [security, model] = [new Answering(ROLE), new Answering(HI)]
  const transport: Transport = {
    send: (request) => (request.url.host.startsWith('sts.') ? security : model).send(request),
  }
  await withEnvironment(own, async () => {
    const { error } = await hear(bedrockOver(transport, { apiKey: '' }))
    assert.equal(error, undefined)
  })
  rmSync(folder, { recursive: true })
  assert.equal(security.requests[0]?.url.host, 'sts.us-east-1.amazonaws.com')
  assert.match(security.requests[0]?.body ?? '', /Action=AssumeRoleWithWebIdentity/)
  assert.match(model.requests[0]?.headers['authorization'] ?? '', /Credential=ASIATEST/)
})

test('A key of the configuration comes before whatever is in the environment', async () => {
  await withEnvironment({ AWS_BEARER_TOKEN_BEDROCK: 'other', AWS_ACCESS_KEY_ID: 'AKIATEST' }, async () => {
    const server = new Answering(HI)
    await hear(bedrockOver(server))
    assert.equal(server.requests[0]?.headers['Authorization'], 'Bearer hush-hush')
  })
})

test('A call that is aborted while the SDK is still looking for credentials does not wait for it', async () => {
  const family = bedrockWith(() => new Promise<never>(() => {}))
  const setup = providerSetup(new Answering(HI), { dialect: 'converse', own: { region: 'us-east-1' } })
  const control = new AbortController()
  const reason = new Error('The client went away.')
  const hearing = hear(family.create(setup), { signal: control.signal })
  control.abort(reason)
  assert.equal((await hearing).error, reason)
})

test('Without any credentials the operator is to blame, and nothing is sent', async () => {
  await withEnvironment({}, async () => {
    const server = new Answering(HI)
    const { problem } = await hear(bedrockOver(server, { apiKey: '' }))
    assert.deepEqual([problem?.fault, problem?.accepted, server.requests.length], ['auth', false, 0])
    assert.match(problem?.message ?? '', /no AWS credentials/)
  })
})
