import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redactStream } from './redact-stream.ts'

const SECRET = 'sk-1234567890'

async function* chunksOf(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

async function read(secrets: readonly string[], ...texts: readonly string[]): Promise<string[]> {
  const chunks: string[] = []
  for await (const chunk of redactStream(chunksOf(...texts), secrets)) chunks.push(Buffer.from(chunk).toString())
  return chunks
}

const CASES: readonly { name: string; sent: readonly string[]; seen: readonly string[] }[] = [
  { name: 'a secret within a chunk', sent: [`a ${SECRET} b`], seen: ['a [redacted] b'] },
  { name: 'a secret twice', sent: [SECRET + SECRET], seen: ['[redacted][redacted]'] },
  { name: 'a secret in Base64', sent: [btoa(SECRET)], seen: ['[redacted]=='] },
  { name: 'a secret at the end', sent: ['a ', SECRET], seen: ['a ', '[redacted]'] },
  { name: 'no secret: chunks pass as they came', sent: ['one', 'two', 's'], seen: ['one', 'two', 's'] },
  { name: 'the beginning of a secret and something else', sent: ['x sk-12', '3 y'], seen: ['x ', 'sk-123 y'] },
  { name: 'the beginning of a secret at the end of all', sent: ['x sk-12'], seen: ['x ', 'sk-12'] },
  { name: 'a beginning within a beginning', sent: ['sk-1sk-12', '34567890'], seen: ['sk-1', '[redacted]'] },
]

for (const { name, sent, seen } of CASES) {
  test(`redactStream(): ${name}`, async () => assert.deepEqual(await read([SECRET], ...sent), seen))
}

test('redactStream() finds a secret wherever the chunks are cut', async () => {
  const text = `a ${SECRET} b`
  for (let at = 0; at <= text.length; at++) {
    const seen = await read([SECRET], text.slice(0, at), text.slice(at))
    assert.equal(seen.join(''), 'a [redacted] b')
  }
  assert.equal((await read([SECRET], ...text)).join(''), 'a [redacted] b')
})

test('redactStream() without secrets, or with one too short to be one, changes nothing', async () => {
  assert.deepEqual(await read([], 'abc', 'def'), ['abc', 'def'])
  assert.deepEqual(await read(['abc', ''], 'abc', 'def'), ['abc', 'def'])
})
