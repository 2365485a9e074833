import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startTestServer } from '../harness/server.ts'
import { assertAlive } from './refusal.ts'

const server = await startTestServer({ store: 'sqlite' })
after(() => server.close())

/** Far above what these take here, far below what they took while something was quadratic. */
const PATIENCE_MS = 5000

const call = (index: number) => ({ type: 'function_call', call_id: `c${index}`, name: 'n', arguments: '{}' })
const output = (index: number) => ({ type: 'function_call_output', call_id: `c${index}`, output: 'x' })
const range = <Item>(count: number, make: (index: number) => Item) => Array.from({ length: count }, (_, i) => make(i))

/** Requests that are allowed and large. */
const HEAVY: Readonly<Record<string, object>> = {
  'an answer of 50,000 pieces': { input: '/words 50000' },
  'an answer of a megabyte in small words': { input: 'a '.repeat(500_000) },
  'a megabyte of white space': { input: `x${' '.repeat(1_000_000)}y` },
  '5000 calls with their outputs': { input: [...range(5000, call), ...range(5000, output)] },
  '10,000 parts': { input: [{ role: 'user', content: range(10_000, () => ({ type: 'input_text', text: 'a' })) }] },
  '200,000 unknown fields': Object.fromEntries([
    ['input', '/say hi'],
    ...range(200_000, (index) => [`${index * 65_536}`, 1]),
  ]),
  'ten million characters': { input: 'x'.repeat(10_000_000) },
}

for (const [name, body] of Object.entries(HEAVY)) {
  test(`B-30: ${name}: answered in time, and others are served meanwhile`, async () => {
    const begun = performance.now()
    const [answer, meanwhile] = await Promise.all([
      server.post('/responses', { model: 'demo', ...body }),
      fetch(`${server.url}/live`),
    ])
    assert.deepEqual([answer.status, meanwhile.status], [200, 200])
    await answer.text()
    assert.ok(performance.now() - begun < PATIENCE_MS, `${Math.round(performance.now() - begun)} ms`)
  })
}

test('after all of these, the server answers', () => assertAlive(server))
