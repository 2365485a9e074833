import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { apiFault } from '../core/testing/api-fault.ts'
import { settled } from '../engine/testing/fake-clock.ts'
import { selfSigned } from './testing/certificate.ts'
import { openSmallWeb, PNG, PUBLIC_ADDRESS, type WebHandler, type WebOptions } from './testing/small-web.ts'
import { PIECES_MAX } from './user-answer.ts'

const URL_OF_IMAGE = 'https://images.example/cat.png'

const UNREACHABLE =
  'The image URL leads nowhere that this server can fetch from: use an https URL of a public server, or send the data itself.'

/** What is refused of an image, in words that go on after `The image URL`. */
function imageFault(words: string): object {
  return apiFault('invalid_image_url', 'input', `The image URL ${words}.`)
}

test('An image is fetched over TLS from the address that was looked up; its bytes say what it is', async (context) => {
  let headers: unknown
  const { fetchImage, connections, requests } = await openSmallWeb(context, {
    handler: (request, response) => {
      headers = request.headers
      response.writeHead(200, { 'content-type': 'text/html', 'set-cookie': 'a=1' }).end(PNG)
    },
  })
  const { mediaType, bytes } = await fetchImage('https://images.example/a%20cat.png?size=1#top')
  assert.equal(mediaType, 'image/png')
  assert.deepEqual(Buffer.from(bytes), PNG)
  assert.deepEqual(connections, [{ addresses: [PUBLIC_ADDRESS], port: 443 }])
  assert.deepEqual(requests, [{ host: 'images.example', path: '/a%20cat.png?size=1' }])
  assert.deepEqual(headers, {
    host: 'images.example',
    accept: 'image/png, image/jpeg, image/gif, image/webp',
    'accept-encoding': 'identity',
    'user-agent': 'antiphon',
    connection: 'close',
  })
})

test('A file is fetched likewise, and its faults are told as those of a file', async (context) => {
  const { fetcher } = await openSmallWeb(context, {
    handler: ({ url }, response) => void response.end(url === '/text' ? 'Grüße' : PNG),
  })
  const { signal } = new AbortController()
  assert.deepEqual(await fetcher.fetch('https://images.example/text', 'file', signal), {
    mediaType: 'text/plain',
    bytes: Buffer.from('Grüße'),
  })
  await assert.rejects(
    fetcher.fetch('https://images.example/image', 'file', signal),
    apiFault('invalid_file_url', 'input', 'The file URL must lead to a PDF, or to text in UTF-8.'),
  )
})

for (const url of [`https://${PUBLIC_ADDRESS}/`, 'https://images.example./', 'HTTPS://IMAGES.EXAMPLE:443/']) {
  test(`${url} is fetched, and its server's certificate is checked`, async (context) => {
    let name: unknown
    const { fetchImage } = await openSmallWeb(context, {
      handler: ({ socket }, response) => {
        name = 'servername' in socket ? socket.servername : undefined
        response.end(PNG)
      },
    })
    assert.equal((await fetchImage(url)).mediaType, 'image/png')
    assert.equal(name, url.includes(PUBLIC_ADDRESS) ? false : 'images.example')
    const stranger = await openSmallWeb(context, { certificate: selfSigned(['stranger.example', '1.2.3.4']) })
    await assert.rejects(stranger.fetchImage(url), imageFault(UNREACHABLE.slice('The image URL '.length, -1)))
    assert.deepEqual(stranger.requests, [])
  })
}

/** Answers with the bytes as they are, whatever HTTP says. */
function raw(text: string): WebHandler {
  return ({ socket }) => void socket.end(text)
}

const unreachable: readonly (WebOptions & { readonly how: string; readonly url?: string })[] = [
  { how: 'is a private address', url: 'https://10.0.0.1/' },
  { how: 'is the address of the machine', url: 'https://[::1]/' },
  { how: 'is a name of the machine', url: 'https://localhost/' },
  { how: 'is a private name', url: 'https://db.internal/' },
  { how: 'does not exist', resolve: () => Promise.reject(new Error('queryA ENOTFOUND')) },
  { how: 'has no address', resolve: async () => [] },
  { how: 'has something else for an address', resolve: async () => ['images.example'] },
  { how: 'has a private address', resolve: async () => ['192.168.1.1'] },
  { how: 'has a private address beside a public one', resolve: async () => [PUBLIC_ADDRESS, 'fd00::1'] },
  { how: 'has an address of some link', resolve: async () => ['fe80::1%lo'] },
  { how: 'does not listen', isDown: true },
  { how: 'turns out to stand elsewhere', remoteAddress: '127.0.0.1' },
  { how: 'turns out to stand at another public address', remoteAddress: '1.1.1.1' },
  { how: 'has a certificate of another', certificate: selfSigned(['stranger.example']) },
  { how: 'has a certificate of the past', certificate: selfSigned(['images.example'], '210101000000Z') },
  { how: 'hangs up', handler: ({ socket }) => void socket.destroy() },
  { how: 'speaks no HTTP', handler: raw('SSH-2.0-x\r\n') },
  { how: 'changes the protocol', handler: raw('HTTP/1.1 101 Go on\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n') },
  {
    how: 'answers with two lengths',
    handler: raw('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na'),
  },
  { how: 'answers with endless headers', handler: raw(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`) },
  { how: 'ends amid the body', handler: raw('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf') },
  { how: 'ends amid a chunk', handler: raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf') },
]
for (const { how, url = URL_OF_IMAGE, ...options } of unreachable) {
  test(`A server that ${how} is told of in the words for all that cannot be reached`, async (context) => {
    const { fetchImage, requests } = await openSmallWeb(context, options)
    await assert.rejects(fetchImage(url), apiFault('invalid_image_url', 'input', UNREACHABLE))
    assert.equal(requests.length, options.handler === undefined ? 0 : 1)
  })
}

test('An address that is not the one that was checked is sent no byte', async (context) => {
  let bytes = 0
  const { fetchImage, sockets } = await openSmallWeb(context, { remoteAddress: '169.254.169.254' })
  const fetching = fetchImage(URL_OF_IMAGE)
  await assert.rejects(fetching)
  await settled()
  for (const socket of sockets) {
    socket.on('data', ({ length }) => (bytes += length))
    if (!socket.destroyed) await once(socket, 'close')
  }
  assert.equal(bytes, 0)
})

test('A name that changes its addresses is looked up once for each fetch, and is never followed inside', async (context) => {
  const answers = [[PUBLIC_ADDRESS], ['127.0.0.1'], [PUBLIC_ADDRESS, '::1'], ['169.254.169.254', PUBLIC_ADDRESS]]
  let asked = 0
  const { fetchImage, connections } = await openSmallWeb(context, {
    resolve: async () => answers[asked++ % answers.length] ?? [],
  })
  const outcomes = new Map<string, number>()
  for (let fetched = 0; fetched < 1000; fetched++) {
    const outcome = await fetchImage(URL_OF_IMAGE).then(
      ({ mediaType }) => mediaType,
      ({ message }: Error) => message,
    )
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  assert.equal(asked, 1000)
  assert.deepEqual(Object.fromEntries(outcomes), { 'image/png': 250, [UNREACHABLE]: 750 })
  assert.ok(connections.every(({ addresses }) => addresses.length === 1 && addresses[0] === PUBLIC_ADDRESS))
})

const bodies: readonly { how: string; handler: WebHandler; words: string; bytesMax?: number }[] = [
  {
    how: 'announces too much',
    handler: (_, response) => response.writeHead(200, { 'content-length': '1001' }).flushHeaders(),
    words: 'must lead to at most 1000 bytes',
  },
  {
    how: 'sends a byte too many, unannounced',
    handler: (_, response) => void response.write(Buffer.concat([PNG, Buffer.alloc(1001 - PNG.length)])),
    words: 'must lead to at most 1000 bytes',
  },
  {
    how: 'never ends',
    handler: (_, response) => {
      const more = () => void (response.destroyed || response.write('x'.repeat(10_000), more))
      more()
    },
    words: 'must lead to at most 1000 bytes',
  },
  {
    how: 'sends a byte at a time',
    handler: ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
      socket.write('1\r\nx\r\n'.repeat(PIECES_MAX + 1))
    },
    words: 'must lead to bytes that come in larger pieces',
    bytesMax: 200_000,
  },
  {
    how: 'sends a bomb',
    handler: (_, response) =>
      void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(10_000_000))),
    words: 'must lead to plain bytes: its server compresses them unasked',
  },
  {
    how: 'sends a bomb in chunks that are compressed themselves',
    handler: raw('HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nbomb'),
    words: 'must lead to a PNG, JPEG, GIF or WebP image',
  },
  {
    how: 'sends a page',
    handler: (_, response) => void response.writeHead(200, { 'content-type': 'image/png' }).end('<svg>'),
    words: 'must lead to a PNG, JPEG, GIF or WebP image',
  },
  {
    how: 'sends nothing',
    handler: (_, response) => void response.end(),
    words: 'must lead to a PNG, JPEG, GIF or WebP image',
  },
  ...[201, 204, 206, 300, 304, 401, 404, 500].map((status) => ({
    how: `answers with status ${status}`,
    handler: ((_, response) => void response.writeHead(status, { location: '/elsewhere' }).end()) satisfies WebHandler,
    words: `was answered with status ${status}`,
  })),
]
for (const { how, handler, words, bytesMax = 1000 } of bodies) {
  test(`A server that ${how} is refused, and its connection closed`, async (context) => {
    const { fetchImage, sockets } = await openSmallWeb(context, { handler, limits: { bytesMax } })
    await assert.rejects(fetchImage(URL_OF_IMAGE), imageFault(words))
    const [socket] = sockets
    assert.ok(socket)
    if (!socket.destroyed) await once(socket, 'close')
  })
}

test('A body of exactly the length allowed is taken, however it is cut', async (context) => {
  const body = Buffer.concat([PNG, Buffer.alloc(300_000 - PNG.length, 'x')])
  const { fetchImage } = await openSmallWeb(context, {
    limits: { bytesMax: 300_000 },
    handler: async ({ url }, response) => {
      if (url === '/whole') return void response.end(body)
      for (let start = 0; start < body.length; start += 7777) {
        response.write(body.subarray(start, start + 7777))
        await turn()
      }
      response.end()
    },
  })
  for (const path of ['whole', 'cut']) {
    const { bytes } = await fetchImage(`https://images.example/${path}`)
    assert.ok(body.equals(bytes))
  }
})

test('What is ours to mend is a 503 that says nothing of us', async (context) => {
  const busy = {
    name: 'ApiError',
    status: 503,
    type: 'server_error',
    code: 'fetch_unavailable',
    param: '',
    message: 'The image URL cannot be fetched at the moment: try again.',
    headers: { 'retry-after': '2' },
  }
  const broken = await openSmallWeb(context, {
    resolve: () => Promise.reject(Object.assign(new Error('no more files'), { code: 'EMFILE' })),
  })
  await assert.rejects(broken.fetchImage(URL_OF_IMAGE), busy)
  const { fetchImage, clock, requests } = await openSmallWeb(context, {
    handler: () => {},
    limits: { fetchesMax: 1, turn_ms: 9999 },
  })
  const first = fetchImage(URL_OF_IMAGE)
  first.catch(() => {})
  while (requests.length === 0) await turn()
  const second = fetchImage(URL_OF_IMAGE)
  second.catch(() => {})
  await clock.pass(9999)
  await assert.rejects(second, busy)
  await clock.pass(1)
  await assert.rejects(first, imageFault('must lead to something within 10000 ms'))
})

test('Hundreds of fetches at once are few connections, and all end well', async (context) => {
  let [open, most] = [0, 0]
  const { fetchImage } = await openSmallWeb(context, {
    limits: { fetchesMax: 8, heldBytesMax: 1000 },
    handler: (_, response) => {
      most = Math.max(most, ++open)
      response.once('close', () => open--).end(Buffer.concat([PNG, Buffer.alloc(500)]))
    },
  })
  const fetched = await Promise.all(Array.from({ length: 200 }, () => fetchImage(URL_OF_IMAGE)))
  assert.ok(fetched.every(({ bytes }) => bytes.length === PNG.length + 500))
  assert.ok(most <= 8, `${most} at once`)
})

test('Bodies that come at the same time share the room there is', async (context) => {
  const answers: ServerResponse[] = []
  const { fetchImage } = await openSmallWeb(context, {
    limits: { heldBytesMax: PNG.length - 1 }, // Only the oldest may go on.
    handler: (_, response) => {
      answers.push(response)
      if (answers.length === 1) response.write(PNG)
      else response.end(PNG)
    },
  })
  let order = ''
  const first = fetchImage(URL_OF_IMAGE).then(() => (order += '1'))
  while (answers.length === 0) await turn()
  const second = fetchImage(URL_OF_IMAGE).then(() => (order += '2'))
  while (answers[1]?.writableFinished !== true) await turn()
  for (let turns = 0; turns < 20; turns++) await turn()
  assert.equal(order, '')
  answers[0]?.end()
  await Promise.all([first, second])
  assert.equal(order, '12')
})
