import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../../src/engine/testing/fake-clock.ts'
import type { CallCounts } from './call-ledger.ts'
import { call, chunksOf, FINE, shown, spokenIn, startFor } from './fault-caller.ts'
import { readWords } from './fault-speech.ts'

const refusals: readonly { words: string; status: number; type: string; retryAfter?: string }[] = [
  { words: '503', status: 503, type: 'application/json' },
  { words: '429 retry-after=3600', status: 429, type: 'application/json', retryAfter: '3600' },
  { words: '429 retry-after="next week"', status: 429, type: 'application/json', retryAfter: 'next week' },
  { words: '502 page', status: 502, type: 'text/html' },
  { words: 'page', status: 200, type: 'text/html' },
  { words: 'no-such-word', status: 400, type: 'application/json' },
]
for (const { words, status, type, retryAfter } of refusals) {
  for (const isStream of [true, false]) {
    test(`"${words}": ${status}, and no token is used${isStream ? ', streamed' : ''}`, async (context) => {
      const upstream = await startFor(context)
      const heard = await call(upstream, `[tag:x] [do: ${words}]`, isStream).heard
      assert.deepEqual([heard.status, heard.headers['content-type']], [status, type])
      assert.equal(heard.headers['retry-after'], retryAfter)
      assert.deepEqual(shown(await upstream.counts('x')), { received: 1, refused: 1 })
    })
  }
}

/** Faults that break an answer off after so many of five chunks. */
const breaks = [
  { words: 'reset@2', over: 'ECONNRESET', spoken: 2 },
  { words: 'reset@0', over: 'ECONNRESET', spoken: 0 },
  { words: 'reset@99', over: 'ECONNRESET', spoken: 5 },
  { words: 'cut@2', over: 'ECONNRESET', spoken: 2 },
  { words: 'eof@2', over: 'end', spoken: 2 },
  { words: 'eof', over: 'end', spoken: 0 },
  { words: '503@2', over: 'end', spoken: 2 },
] as const
for (const { words, over, spoken } of breaks) {
  test(`"${words}": ${spoken} chunks, then ${over}; usage is used, and not said`, async (context) => {
    const upstream = await startFor(context)
    const heard = await call(upstream, `[tag:x] [do: chunks=5 ${words}]`).heard
    assert.deepEqual([heard.status, heard.over], [200, over])
    assert.equal(readWords(spokenIn(heard.text))?.words ?? 0, spoken)
    assert.doesNotMatch(heard.text, /DONE|usage|"stop"/)
    assert.equal(chunksOf(heard.text).at(-1)?.error?.code, words === '503@2' ? 503 : undefined)
    const counts = shown(await upstream.counts('x'))
    assert.deepEqual(counts, { received: 1, begun: 1, broken: 1, in: 5, ...(spoken > 0 && { out: spoken }) })
  })
}

for (const { words, over, isRefused } of [
  { words: 'reset@2', over: 'ECONNRESET' },
  { words: 'cut@2', over: 'ECONNRESET' },
  { words: 'eof@2', over: 'end' },
  { words: '503@2', over: 'end', isRefused: true },
  { words: 'garbage@2', over: 'end' },
]) {
  test(`"${words}" in a whole answer: ${over}, and no JSON that could be taken for one`, async (context) => {
    const upstream = await startFor(context)
    const heard = await call(upstream, `[tag:x] [do: chunks=5 ${words}]`, false).heard
    assert.deepEqual([heard.status, heard.over], [isRefused ? 503 : 200, over])
    if (isRefused) assert.deepEqual(shown(await upstream.counts('x')), { received: 1, refused: 1 })
    else assert.throws(() => JSON.parse(heard.text), SyntaxError)
  })
}

for (const words of ['reset', 'cut']) {
  test(`"${words}" before the head: the connection breaks, and nothing has begun`, async (context) => {
    const upstream = await startFor(context)
    const heard = await call(upstream, `[tag:x] [do: ${words}]`).heard
    assert.deepEqual([heard.status, heard.over], [undefined, 'ECONNRESET'])
    assert.deepEqual(shown(await upstream.counts('x')), { received: 1, broken: 1 })
  })
}

const silences = [
  { words: 'hang', begun: {} },
  { words: 'hang@2', begun: { begun: 1, in: 5, out: 2 } },
  { words: 'hold', begun: {}, held: 1 },
  { words: 'hold@2', begun: { begun: 1, in: 5, out: 2 }, held: 1 },
] as const
for (const { words, begun, ...rest } of silences) {
  test(`"${words}": silence, until the other side hangs up, which is counted`, async (context) => {
    const upstream = await startFor(context)
    const { sent, heard } = call(upstream, `[tag:x] [do: ${words}]`)
    const isSilent = ({ received, used, held }: CallCounts) =>
      received === 1 && used.output === ('out' in begun ? begun.out : 0) && held === ('held' in rest ? 1 : 0)
    assert.deepEqual(shown(await upstream.until('x', isSilent)), { received: 1, open: 1, ...rest, ...begun })
    sent.destroy()
    await heard
    const counts = await upstream.until('x', ({ open, held }) => open === 0 && held === 0)
    assert.deepEqual(shown(counts), { received: 1, aborted: 1, ...begun })
  })
}

test('a call that is held goes on where it was, once it is released', async (context) => {
  const upstream = await startFor(context)
  const prompt = '[tag:x] [do: hold@2 | hold]'
  const first = call(upstream, prompt)
  await upstream.until('x', ({ held }) => held === 1)
  const second = call(upstream, prompt)
  await upstream.until('x', ({ held }) => held === 2)
  const other = call(upstream, '[tag:y] [do: hold]')
  await upstream.until('y', ({ held }) => held === 1)
  await upstream.release('x')
  for (const [index, { heard }] of [first, second].entries()) {
    assert.deepEqual(readWords(spokenIn((await heard).text)), { tag: 'x', call: index + 1, words: 3 })
  }
  assert.deepEqual(shown(await upstream.counts('y')), { received: 1, open: 1, held: 1 })
  const third = call(upstream, prompt) // It is held anew.
  await upstream.until('x', ({ held }) => held === 1)
  await Promise.all([upstream.release('x'), upstream.release('y')])
  assert.deepEqual([(await other.heard).over, (await third.heard).over], ['end', 'end'])
})

test('garbage stands among good chunks', async (context) => {
  const upstream = await startFor(context)
  const { text } = await call(upstream, '[tag:x] [do: garbage@1]').heard
  const blocks = text.split('\n\n')
  const broken = blocks.filter((block) => block.startsWith('data: {'))
  assert.equal(broken.filter((block) => !isJson(block.slice(6))).length, 1)
  assert.ok(text.endsWith('data: [DONE]\n\n'))
  assert.deepEqual(shown(await upstream.counts('x')), FINE)
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

for (const isStream of [true, false]) {
  test(`a line of 50 MB is sent, and then the rest${isStream ? ', streamed' : ''}`, async (context) => {
    const upstream = await startFor(context)
    const { heard, hears } = call(upstream, '[tag:x] [do: line@1]', isStream)
    await hears(50_000_000)
    assert.equal((await heard).over, 'end')
    assert.deepEqual(shown(await upstream.counts('x')), { ...FINE, out: 4, saidOut: 4 })
  })
}

test('a line has the size that was asked for, and is JSON', async (context) => {
  const upstream = await startFor(context)
  const { text } = await call(upstream, '[do: chunks=0 line size=1000]').heard
  const line = text.split('\n\n').find((block) => block.includes('xxx')) ?? ''
  assert.equal(line.length + 2, 1000)
  assert.ok(isJson(line.slice(6)))
})

test('an endless answer goes on until the other side hangs up', async (context) => {
  const upstream = await startFor(context)
  const { sent, heard } = call(upstream, '[tag:x] [do: endless]')
  await upstream.until('x', ({ used }) => used.output > 500)
  sent.destroy()
  await heard
  const { begun, aborted, open, used, said } = await upstream.until('x', (counts) => counts.open === 0)
  assert.deepEqual([begun, aborted, open, said.output], [1, 1, 0, 0])
  assert.equal((await upstream.counts('x')).used.output, used.output)
})

test('whoever does not read an endless answer is not sent more than fits', async (context) => {
  const upstream = await startFor(context)
  const { sent, heard } = call(upstream, '[tag:x] [do: endless]')
  sent.on('response', (answer) => answer.pause())
  await upstream.until('x', ({ used }) => used.output > 500)
  let last = -1
  for (let seen = 0; seen !== last;) {
    last = seen
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
    seen = (await upstream.counts('x')).used.output
  }
  assert.ok(last * 150 < 16_000_000, `${last} chunks`)
  sent.destroy()
  await heard
})

test('pace and first byte keep their time', async (context) => {
  const clock = fakeClock()
  const upstream = await startFor(context, { clock })
  const { heard } = call(upstream, '[tag:x] [do: first=500 pace=20]')
  await upstream.until('x', ({ received }) => received === 1)
  await clock.pass(499)
  assert.equal((await upstream.counts('x')).begun, 0)
  await clock.pass(1)
  for (const output of [1, 2]) {
    await upstream.until('x', ({ used }) => used.output === output)
    assert.deepEqual(clock.sleepers(), [20])
    await clock.pass(20)
  }
  assert.equal((await heard).over, 'end')
  assert.deepEqual(clock.sleepers(), [])
})

test('a slow loris says a byte at a time, and stops when nobody listens', async (context) => {
  const clock = fakeClock()
  const upstream = await startFor(context, { clock })
  const { sent, hears, heard } = call(upstream, '[tag:x] [do: loris@1 pace=1000]')
  await upstream.until('x', ({ used }) => used.output === 1)
  for (const begun of ['d', 'da', 'dat']) {
    assert.deepEqual(clock.sleepers(), [1000])
    await clock.pass(1000)
    while (clock.sleepers().length === 0) await new Promise((resolve) => setImmediate(resolve))
    await hears(`\n\n${begun}`)
  }
  sent.destroy()
  await heard
  await upstream.until('x', ({ aborted }) => aborted === 1)
  assert.match((await heard).text, /\n\ndat$/)
  assert.deepEqual(clock.sleepers(), [])
})

const texts: readonly (readonly [text: string, words: object | undefined])[] = [
  ['a-1-0 a-1-1 ', { tag: 'a', call: 1, words: 2 }],
  ['-3-0 ', { tag: '', call: 3, words: 1 }],
  ['a-b-12-0 a-b-12-1 ', { tag: 'a-b', call: 12, words: 2 }],
  ['', undefined],
  ['a-1-0 a-1-2 ', undefined],
  ['a-1-1 a-1-2 ', undefined],
  ['a-1-0 a-2-1 ', undefined],
  ['a-1-0 a-1-0 ', undefined],
  ['a-1-0 a-1', undefined],
]
for (const [text, words] of texts) {
  test(`the words "${text}" are ${words === undefined ? 'no beginning of one answer' : 'read'}`, () => {
    assert.deepEqual(readWords(text), words)
  })
}
