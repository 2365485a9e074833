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
