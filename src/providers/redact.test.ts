import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { redact } from './redact.ts'

/** Messages with a key of a known shape in them: made up, none of them ever was a key. */
const shaped = [
  { text: 'Incorrect API key provided: sk-abcdefgh12345678.', clean: 'Incorrect API key provided: [redacted].' },
  { text: 'Key sk-proj-Ab_c-9876543210 is off', clean: 'Key [redacted] is off' },
  { text: 'Key sk-proj-********WXYZ is off', clean: 'Key [redacted] is off' },
  { text: 'Key sk-ant-api03-AbCd_1234-xyz is off', clean: 'Key [redacted] is off' },
  { text: 'Key csk-abcdefgh1234 is off', clean: 'Key [redacted] is off' },
  { text: 'Key gsk_abcdefgh1234 is off', clean: 'Key [redacted] is off' },
  { text: 'Key xai-abcdefgh1234 is off', clean: 'Key [redacted] is off' },
  { text: 'Key hf_abcdefgh1234 is off', clean: 'Key [redacted] is off' },
  { text: 'Key r8_abcdefgh1234 is off', clean: 'Key [redacted] is off' },
  { text: 'Key nvapi-abcdefgh1234 is off', clean: 'Key [redacted] is off' },
  { text: 'Key pplx-abcdefgh1234 is off', clean: 'Key [redacted] is off' },
  { text: 'Key tgp_v1_abcdefgh1234 is off', clean: 'Key [redacted] is off' },
  { text: 'Key AIzaSyAbCdEfGh-1234_5678ijkl is off', clean: 'Key [redacted] is off' },
  { text: 'Token ya29.a0AbCd-_12.xyz is off', clean: 'Token [redacted] is off' },
  { text: 'SK-ABCDEFGH1234', clean: '[redacted]' },
  { text: 'Sent Authorization: Bearer abc.def.ghi-123', clean: 'Sent Authorization: Bearer [redacted]' },
  { text: '{"authorization":"Basic dXNlcjpwYXNz"}', clean: '{"authorization":"Basic [redacted]"}' },
  { text: 'GET https://a.example/v1?key=abc&x=1 failed', clean: 'GET https://a.example/v1?key=[redacted]&x=1 failed' },
  { text: '"https://a.example/?x=1&api_key=abc"', clean: '"https://a.example/?x=1&api_key=[redacted]"' },
  { text: "'https://a.example/?token=abc'", clean: "'https://a.example/?token=[redacted]'" },
  {
    text: 'Rate limit reached in organization org-AbCdEfGh1234',
    clean: 'Rate limit reached in organization [redacted]',
  },
  { text: 'Project proj_AbCdEfGh1234 has no access', clean: 'Project [redacted] has no access' },
  {
    text: 'the rate limit for your organization (01234567-89ab-cdef-0123-456789abcdef) of 20,000 tokens',
    clean: 'the rate limit for your organization ([redacted]) of 20,000 tokens',
  },
  { text: '(org: 01234567-89ab-cdef-0123-456789abcdef, model: m)', clean: '(org: [redacted], model: m)' },
  {
    text: 'Quota exceeded of service a.example for consumer project_number:123456789012.',
    clean: 'Quota exceeded of service a.example for consumer project_number:[redacted].',
  },
  {
    text: 'It has not been used in project 123456789012 before',
    clean: 'It has not been used in project [redacted] before',
  },
  {
    text: 'Publisher Model `projects/my-project-7/locations/us-central1/models/m` was not found',
    clean: 'Publisher Model `projects/[redacted]/locations/us-central1/models/m` was not found',
  },
  {
    text: 'caller robot-1@my-project-7.iam.gserviceaccount.com lacks it',
    clean: 'caller [redacted] lacks it',
  },
  {
    text: 'User: arn:aws:sts::123456789012:assumed-role/r/s may not use arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:x/y',
    clean:
      'User: arn:aws:sts::[redacted]:assumed-role/r/s may not use arn:aws-us-gov:bedrock:us-gov-west-1:[redacted]:x/y',
  },
  { text: 'Credential=AKIAABCDEFGHIJKLMNOP/20261122/us-east-1', clean: 'Credential=[redacted]/20261122/us-east-1' },
]
for (const { text, clean } of shaped) {
  test(`redact() makes ${JSON.stringify(text)} harmless`, () => {
    assert.equal(redact(text, []), clean)
  })
}

const harmless = [
  '',
  'The model gpt-5-mini does not exist.',
  "Invalid value for 'tools[0].function.name'.",
  'A task-based approach to disk-space and risk-free desk-work',
  'sk-short',
  'Use key=value pairs',
  'Request 01234567-89ab-cdef-0123-456789abcdef failed',
  'arn:aws:bedrock:us-east-1::foundation-model/m is unknown',
  'This project has 5 projects and 123456789012 tokens in asiatic languages',
]
for (const text of harmless) {
  test(`redact() leaves ${JSON.stringify(text)} as it is`, () => {
    assert.equal(redact(text, []), text)
  })
}

test('redact() hides our own secrets, whatever their shape, wherever and however often they stand', () => {
  assert.equal(redact('0123456789abcdef:0123456789abcdef', ['0123456789abcdef']), '[redacted]:[redacted]')
})

test('redact() hides a secret that begins with another one as a whole', () => {
  assert.equal(redact('abcd and abcdefgh', ['abcd', 'abcdefgh']), '[redacted] and [redacted]')
})

const SECRET = 'a~b>?c/d+e=f'
const spellings = {
  Base64: Buffer.from(SECRET).toString('base64'),
  'Base64 without its end': Buffer.from(SECRET).toString('base64').replace(/=+$/, ''),
  'Base64 for URLs': Buffer.from(SECRET).toString('base64url'),
  'a URL': encodeURIComponent(SECRET),
  'a URL, in small letters': 'a~b%3e%3fc%2fd%2be%3df',
  'a form': 'a%7Eb%3E%3Fc%2Fd%2Be%3Df',
}
for (const [name, spelling] of Object.entries(spellings)) {
  test(`redact() hides a secret as ${name} spells it`, () => {
    assert.match(redact(`It was ${spelling} then`, [SECRET]), /^It was \[redacted\]=* then$/)
  })
}

test('redact() does not take secrets of less than four characters for words', () => {
  assert.equal(redact('An api of mine', ['api', '', 'mine']), 'An api of [redacted]')
})

test('redact() cuts a long message after 1000 characters, and never through a secret', () => {
  assert.equal(redact('x'.repeat(1000), []), 'x'.repeat(1000))
  assert.equal(redact('x'.repeat(1001), []), `${'x'.repeat(1000)}…`)
  assert.equal(redact(`${'x'.repeat(995)} hushhush`, ['hushhush']), `${'x'.repeat(995)} [red…`)
})

test('redact() does not leave half a character at the cut', () => {
  assert.equal(redact(`${'x'.repeat(999)}😀 and more`, []), `${'x'.repeat(999)}\uFFFD…`)
})

test('No secret of eight characters and more is left in any message', () => {
  const secret = fc.string({ minLength: 8, maxLength: 40 }).filter((text) => !'[redacted]'.includes(text))
  fc.assert(
    fc.property(fc.array(secret, { minLength: 1, maxLength: 3 }), fc.array(fc.string()), (secrets, words) => {
      const message = words.flatMap((word, index) => [word, secrets[index % secrets.length] ?? '']).join(' ')
      const clean = redact(message, secrets)
      for (const hidden of secrets) assert.equal(clean.includes(hidden), false)
    }),
  )
})
