import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import type { Fetched, FetchKind, UserFetcher } from '../core/fetcher.ts'
import type { HistoryItem } from '../core/model-call.ts'
import { apiFault } from '../core/testing/api-fault.ts'
import { ApiError } from '../protocol/error.ts'
import type { UserPart } from '../protocol/input-item.ts'
import { INLINED_BYTES_MAX, INLINED_URLS_MAX, inlineUrls } from './inline-urls.ts'
import { settled } from './testing/fake-clock.ts'

const BOTH = { image: true, file: true }
const { signal } = new AbortController()

/** A fetcher that says of every URL that it is an image or a PDF that holds the URL itself, and what it was asked for. */
function echoing() {
  const asked: string[] = []
  const fetcher: UserFetcher = {
    async fetch(url: string, wanted: FetchKind) {
      asked.push(`${wanted} ${url}`)
      return { mediaType: wanted === 'image' ? 'image/png' : 'application/pdf', bytes: Buffer.from(url) }
    },
  }
  return { fetcher, asked }
}

/** A fetcher whose fetches end when the test says so. */
function patient() {
  const waiting = new Map<string, PromiseWithResolvers<Fetched>>()
  const signals: AbortSignal[] = []
  const fetcher: UserFetcher = {
    fetch(url, _, given) {
      const fetching = Promise.withResolvers<Fetched>()
      waiting.set(url, fetching)
      signals.push(given)
      given.addEventListener('abort', () => fetching.reject(given.reason), { once: true })
      return fetching.promise
    },
  }
  return { fetcher, waiting, signals }
}

function said(...parts: readonly UserPart[]): HistoryItem {
  return { type: 'message', role: 'user', parts }
}

function image(url: string): UserPart {
  return { type: 'input_image', image_url: url }
}

function images(count: number): HistoryItem {
  return said(...Array.from({ length: count }, (_, index) => image(`https://a.example/${index}`)))
}

/** What `echoing()` makes of a URL. */
function echo(type: string, url: string): string {
  return `data:${type};base64,${Buffer.from(url).toString('base64')}`
}

test('URLs of images and files become data, in messages of every role and in the results of tools', async () => {
  const { fetcher, asked } = echoing()
  const text: UserPart = { type: 'input_text', text: 'https://a.example/text' }
  const call: HistoryItem = { type: 'function_call', callId: 'c', name: 'f', arguments: '{}' }
  const answer: HistoryItem = { type: 'message', role: 'assistant', parts: [{ type: 'output_text', text: 'b' }] }
  const history: readonly HistoryItem[] = [
    { type: 'message', role: 'system', parts: [image('https://a.example/1')] },
    said(text, { type: 'input_image', image_url: 'HTTP://a.example/2', detail: 'low', file_id: null }),
    answer,
    call,
    {
      type: 'function_call_output',
      callId: 'c',
      output: [text, { type: 'input_file', file_url: 'https://a.example/3', filename: 'a.pdf', file_data: null }],
    },
  ]
  const before = structuredClone(history)
  assert.deepEqual(await inlineUrls(history, BOTH, { fetcher, signal }), [
    { type: 'message', role: 'system', parts: [image(echo('image/png', 'https://a.example/1'))] },
    said(text, {
      type: 'input_image',
      image_url: echo('image/png', 'HTTP://a.example/2'),
      detail: 'low',
      file_id: null,
    }),
    answer,
    call,
    {
      type: 'function_call_output',
      callId: 'c',
      output: [
        text,
        { type: 'input_file', filename: 'a.pdf', file_data: echo('application/pdf', 'https://a.example/3') },
      ],
    },
  ])
  assert.deepEqual(asked, ['image https://a.example/1', 'image HTTP://a.example/2', 'file https://a.example/3'])
  assert.deepEqual(history, before, 'what was given is not changed')
})

test('What needs no fetching is given back as it is', async () => {
  const { fetcher, asked } = echoing()
  const history: readonly HistoryItem[] = [
    said(image('data:image/png;base64,AAAA'), { type: 'input_image', file_id: 'file' }),
    said({ type: 'input_file', file_data: 'AAAA', file_url: 'https://a.example/1' }),
    { type: 'function_call_output', callId: 'c', output: 'https://a.example/2' },
    { type: 'reasoning', text: 'https://a.example/3', state: undefined },
  ]
  assert.equal(await inlineUrls(history, BOTH, { fetcher, signal }), history)
  const urls = [said(image('https://a.example/4'), { type: 'input_file', file_url: 'https://a.example/5' })]
  assert.equal(await inlineUrls(urls, { image: false, file: false }, { fetcher, signal }), urls)
  assert.deepEqual(asked, [])
})

const needs = [
  { needs: { image: true, file: false }, asked: ['image https://a.example/'] },
  { needs: { image: false, file: true }, asked: ['file https://a.example/'] },
  { needs: BOTH, asked: ['image https://a.example/', 'file https://a.example/'] },
]
for (const row of needs) {
  test(`With ${JSON.stringify(row.needs)}, one URL that stands in six parts is fetched ${row.asked.length} times`, async () => {
    const { fetcher, asked } = echoing()
    const parts = [image('https://a.example/'), { type: 'input_file', file_url: 'https://a.example/' } as const]
    const inlined = await inlineUrls([said(...parts, ...parts), said(...parts)], row.needs, { fetcher, signal })
    assert.deepEqual(asked, row.asked)
    assert.equal(JSON.stringify(inlined).split('base64').length - 1, row.asked.length * 3)
  })
}

test('Twenty URLs are fetched, twenty-one are refused before any is', async () => {
  const { fetcher, asked } = echoing()
  const most = images(INLINED_URLS_MAX)
  await inlineUrls([most, most], BOTH, { fetcher, signal })
  assert.equal(asked.length, 20)
  await assert.rejects(
    inlineUrls([images(INLINED_URLS_MAX + 1)], BOTH, { fetcher, signal }),
    apiFault(
      'too_many_urls',
      'input',
      'input must have at most 20 different URLs to fetch, got 21: send the data itself.',
    ),
  )
  assert.equal(asked.length, 20)
})

test('Four are fetched at a time', async () => {
  const { fetcher, waiting } = patient()
  const inlining = inlineUrls([images(6)], BOTH, { fetcher, signal })
  assert.deepEqual(
    [...waiting.keys()],
    [0, 1, 2, 3].map((index) => `https://a.example/${index}`),
  )
  for (const index of [2, 0, 1, 3, 5, 4]) {
    waiting.get(`https://a.example/${index}`)?.resolve({ mediaType: 'image/png', bytes: Buffer.of(index) })
    await settled()
    assert.equal(waiting.size, index === 2 ? 5 : 6)
  }
  const [message] = await inlining
  assert.ok(message !== undefined && 'parts' in message)
  const marks = ['AA==', 'AQ==', 'Ag==', 'Aw==', 'BA==', 'BQ==']
  assert.deepEqual(
    message.parts,
    marks.map((mark) => image(`data:image/png;base64,${mark}`)),
  )
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

const problems = [
  { type: 'invalid_request_error', code: 'invalid_image_url', param: 'input', headers: {}, status: 400 },
  { type: 'server_error', code: 'fetch_unavailable', param: '', headers: { 'retry-after': '2' }, status: 503 },
] as const
for (const problem of problems) {
  test(`A ${problem.status} is told with the place of the part, and ends the other fetches`, async () => {
    const { fetcher, waiting, signals } = patient()
    const inlining = inlineUrls([said(image('https://b.example/')), images(9)], BOTH, { fetcher, signal })
    inlining.catch(() => {})
    const { type, code, param, headers } = problem
    waiting.get('https://a.example/1')?.reject(new ApiError({ type, code, param, headers, message: 'It is bad.' }))
    await assert.rejects(inlining, {
      ...problem,
      message: 'It is bad. It is part 2 of item 2 of the conversation.',
    })
    assert.equal(waiting.size, 4)
    assert.ok(signals.every(({ aborted }) => aborted))
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })
}

test('A failure of ours stays what it is', async () => {
  const bug = new TypeError('Oops.')
  const fetcher: UserFetcher = { fetch: () => Promise.reject(bug) }
  await assert.rejects(inlineUrls([images(1)], BOTH, { fetcher, signal }), (error) => error === bug)
})

test('Whoever leaves is told so, and nothing more is fetched', async () => {
  const { fetcher, waiting } = patient()
  const control = new AbortController()
  const inlining = inlineUrls([images(9)], BOTH, { fetcher, signal: control.signal })
  inlining.catch(() => {})
  const reason = new Error('Enough.')
  control.abort(reason)
  await assert.rejects(inlining, (error) => error === reason)
  assert.equal(waiting.size, 4)
  await assert.rejects(
    inlineUrls([images(1)], BOTH, { fetcher, signal: AbortSignal.abort(reason) }),
    (error) => error === reason,
  )
  assert.equal(waiting.size, 4)
})

test('What the URLs of one request lead to together is limited', async () => {
  const bytes = Buffer.alloc(INLINED_BYTES_MAX / 2)
  const fetcher: UserFetcher = { fetch: async () => ({ mediaType: 'image/png', bytes }) }
  await inlineUrls([images(2)], BOTH, { fetcher, signal })
  await assert.rejects(
    inlineUrls([images(3)], BOTH, { fetcher, signal }),
    apiFault('input_too_large', 'input', /at most 50000000 bytes together: part 3 of item 1 of the conversation is/),
  )
})

test('What was answered before need not be there any more, nor be fetched beside too much that is new', async () => {
  const gone: UserFetcher = {
    fetch: () =>
      Promise.reject(new ApiError({ type: 'invalid_request_error', code: 'invalid_image_url', message: 'No.' })),
  }
  const old = images(2)
  assert.deepEqual(await inlineUrls([old], BOTH, { fetcher: gone, signal, answered: 1 }), [old])
  await assert.rejects(
    inlineUrls([old, old], BOTH, { fetcher: gone, signal, answered: 1 }),
    /No\. It is part 1 of item 2/,
  )

  const asked: string[] = []
  const counting: UserFetcher = {
    fetch: (url) => {
      asked.push(url)
      return Promise.resolve({ mediaType: 'image/png', bytes: new Uint8Array() })
    },
  }
  const many = said(...Array.from({ length: INLINED_URLS_MAX }, (_, index) => image(`https://new.example/${index}`)))
  await inlineUrls([old, many], BOTH, { fetcher: counting, signal, answered: 1 })
  assert.equal(asked.length, INLINED_URLS_MAX)
  assert.ok(asked.every((url) => url.startsWith('https://new.example/')))
})
