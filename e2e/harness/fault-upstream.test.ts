import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../../src/engine/testing/fake-clock.ts'
import type { CallCounts } from './call-ledger.ts'
import { call, chunksOf, FINE, shown, spokenIn, startFor, type WireChunk } from './fault-caller.ts'
import { readWords } from './fault-speech.ts'

test('a streamed call is answered, and counted for its tag', async (context) => {
  const upstream = await startFor(context)
  const { text, headers } = await call(upstream, 'Hi [tag:abc]').heard
  assert.equal(headers['content-type'], 'text/event-stream')
  assert.ok(text.endsWith('data: [DONE]\n\n'))
  assert.deepEqual(readWords(spokenIn(text)), { tag: 'abc', call: 1, words: 3 })
  const last = chunksOf(text).at(-1)
  assert.deepEqual(last?.usage, { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 })
  assert.equal(last?.choices?.[0]?.finish_reason, 'stop')
  assert.deepEqual(shown(await upstream.counts('abc')), FINE)
})

test('a whole call is answered by one JSON text, and counted in the same way', async (context) => {
  const upstream = await startFor(context)
  const { text, headers } = await call(upstream, 'Hi [tag:abc] [do: chunks=4 input=9]', false).heard
  const answer = JSON.parse(text) as WireChunk // The upstream's own.
  assert.equal(headers['content-type'], 'application/json')
  assert.deepEqual(readWords(answer.choices?.[0]?.message?.content ?? ''), { tag: 'abc', call: 1, words: 4 })
  assert.deepEqual(answer.usage, { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 })
  assert.deepEqual(shown(await upstream.counts('abc')), { ...FINE, in: 9, out: 4, saidIn: 9, saidOut: 4 })
})

test('tags are counted apart, whatever they are called, and the untagged too', async (context) => {
  const upstream = await startFor(context)
  for (const prompt of ['[tag:a]', '[tag:b]', '[tag:a]', '[tag:__proto__]', 'no tag']) {
    await call(upstream, prompt).heard
  }
  const all = await upstream.allCounts()
  const received = Object.entries(all).map(([tag, counts]) => [tag, counts.received])
  assert.deepEqual(received, [['a', 2], ['b', 1], ['__proto__', 1], ['', 1]]) // prettier-ignore
  assert.equal((await upstream.counts('never')).received, 0)
})

test('what is used and not said is counted as such', async (context) => {
  const upstream = await startFor(context)
  const { text } = await call(upstream, '[tag:x] [do: usage=none]').heard
  assert.doesNotMatch(text, /usage/)
  assert.deepEqual(shown(await upstream.counts('x')), { received: 1, begun: 1, finished: 1, in: 5, out: 3 })
})

test('a part for each call: twice refused, then served, and counted as that', async (context) => {
  const upstream = await startFor(context)
  const statuses: unknown[] = []
  for (let index = 0; index < 4; index++) {
    statuses.push((await call(upstream, '[tag:x] [do: 503 | 429 | chunks=1]').heard).status)
  }
  assert.deepEqual(statuses, [503, 429, 200, 200])
  const counts = shown(await upstream.counts('x'))
  assert.deepEqual(counts, { received: 4, begun: 2, refused: 2, finished: 2, in: 10, out: 2, saidIn: 10, saidOut: 2 })
})

test('whoever hangs up before the first byte has not begun', async (context) => {
  const clock = fakeClock()
  const upstream = await startFor(context, { clock })
  const { sent, heard } = call(upstream, '[tag:x] [do: first=1000]')
  await upstream.until('x', ({ received }) => received === 1)
  sent.destroy()
  await heard
  assert.deepEqual(shown(await upstream.until('x', ({ open }) => open === 0)), { received: 1, aborted: 1 })
  assert.deepEqual(clock.sleepers(), [])
})

test('words that are set from outside come before those of the prompt', async (context) => {
  const upstream = await startFor(context)
  const status = async (prompt: string) => (await call(upstream, prompt).heard).status
  await upstream.script('x', '503')
  await upstream.script('*', '502')
  assert.equal(await status('[tag:x] [do: 400]'), 503)
  assert.equal(await status('[tag:y] [do: 400]'), 502)
  await assert.rejects(upstream.script('x', 'nonsense'), /nonsense/)
  assert.equal(await status('[tag:x]'), 503)
  await upstream.script('x', undefined)
  await upstream.script('*', undefined)
  assert.equal(await status('[tag:x] [do: 400]'), 400)
})

test('an override says words, gives a ready answer, or leaves it to the prompt', async (context) => {
  const upstream = await startFor(context, {
    override: ({ tag, number, request: { body } }) => {
      if (tag === 'words') return number === 1 ? '500' : undefined
      if (tag === 'answer') return { chunks: ['data: {}\n\n'], end: 'reset' }
      return body?.['stream'] === false ? { status: 418 } : undefined
    },
  })
  assert.equal((await call(upstream, '[tag:words]').heard).status, 500)
  assert.equal((await call(upstream, '[tag:words]').heard).status, 200)
  assert.equal((await call(upstream, '[tag:answer]').heard).over, 'ECONNRESET')
  assert.deepEqual(shown(await upstream.counts('answer')), { received: 1, begun: 1, broken: 1 })
  assert.equal((await call(upstream, '[tag:other]', false).heard).status, 418)
  assert.deepEqual(shown(await upstream.counts('other')), { received: 1, refused: 1 })
})

test('the counts can be asked for by anybody, over HTTP', async (context) => {
  const upstream = await startFor(context)
  await call(upstream, '[tag:a b]').heard
  await call(upstream, '[tag:abc]').heard
  const { origin } = new URL(upstream.baseUrl)
  const one = (await (await fetch(`${origin}/counts?tag=abc`)).json()) as CallCounts // The upstream's own.
  assert.deepEqual(one, await upstream.counts('abc'))
  const all = (await (await fetch(`${origin}/counts`)).json()) as Record<string, CallCounts>
  assert.deepEqual(Object.keys(all), ['', 'abc'])
  assert.equal((await fetch(`${origin}/nowhere`)).status, 404)
})

test('a hundred calls at once are counted exactly', async (context) => {
  const upstream = await startFor(context)
  const words = 'chunks=7 | 503 | reset@3 | eof@2'
  const fates = [words, ...words.split(' | ')]
  const heard = fates.flatMap((part, tag) =>
    Array.from({ length: 20 }, () => call(upstream, `[tag:t${tag}] [do: ${part}]`).heard),
  )
  await Promise.all(heard)
  const totals = await Promise.all(fates.map(async (_, tag) => shown(await upstream.counts(`t${tag}`))))
  const told = { saidIn: 100, saidOut: 140 }
  assert.deepEqual(totals, [
    {
      received: 20,
      begun: 19,
      refused: 1,
      finished: 1,
      broken: 18,
      in: 95,
      out: 7 + 3 + 17 * 2,
      saidIn: 5,
      saidOut: 7,
    },
    { received: 20, begun: 20, finished: 20, in: 100, out: 140, ...told },
    { received: 20, refused: 20 },
    { received: 20, begun: 20, broken: 20, in: 100, out: 60 },
    { received: 20, begun: 20, broken: 20, in: 100, out: 40 },
  ])
})
