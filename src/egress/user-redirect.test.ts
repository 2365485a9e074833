import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiFault } from '../core/testing/api-fault.ts'
import { openSmallWeb, PNG, PUBLIC_ADDRESS, type WebHandler } from './testing/small-web.ts'

/** Redirects `/a` to what the table says, and has an image everywhere else. */
function redirecting(table: Readonly<Record<string, string>>, status = 302): WebHandler {
  return ({ url = '' }, response) => {
    const location = table[url]
    if (location === undefined) return void response.end(PNG)
    response.writeHead(status, { location, 'set-cookie': 'a=1; Path=/' }).end('moved')
  }
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`A redirect with status ${status} is followed, over a connection of its own, without cookies`, async (context) => {
    const seen: unknown[] = []
    const handler = redirecting({ '/a': 'https://other.example/b', '/b': 'c?d' }, status)
    const { fetchImage, connections, requests } = await openSmallWeb(context, {
      handler: (request, response) => {
        seen.push([request.method, request.headers.cookie, request.headers.referer, request.headers.authorization])
        handler(request, response)
      },
    })
    assert.equal((await fetchImage('https://images.example/a')).mediaType, 'image/png')
    assert.deepEqual(requests, [
      { host: 'images.example', path: '/a' },
      { host: 'other.example', path: '/b' },
      { host: 'other.example', path: '/c?d' },
    ])
    assert.equal(connections.length, 3)
    for (const request of seen) assert.deepEqual(request, ['GET', undefined, undefined, undefined])
  })
}

test('Three redirects are followed, a fourth is not', async (context) => {
  const table = Object.fromEntries(Array.from({ length: 10 }, (_, step) => [`/${step}`, `/${step + 1}`]))
  const { fetchImage, requests } = await openSmallWeb(context, { handler: redirecting(table) })
  assert.equal((await fetchImage('https://images.example/7')).mediaType, 'image/png')
  assert.equal(requests.length, 4)
  const fault = apiFault('invalid_image_url', 'input', 'The image URL is redirected more than 3 times.')
  await assert.rejects(fetchImage('https://images.example/0'), fault)
  await assert.rejects(fetchImage('https://images.example/6'), fault)
  assert.equal(requests.length, 12)
})

test('A circle of redirects is left', async (context) => {
  const { fetchImage, requests } = await openSmallWeb(context, { handler: redirecting({ '/a': '/a' }) })
  await assert.rejects(fetchImage('https://images.example/a'), /redirected more than 3 times/)
  assert.equal(requests.length, 4)
})

const inward: readonly { location: string; names?: readonly string[] }[] = [
  { location: 'https://127.0.0.1/' },
  { location: 'https://[::1]/' },
  { location: 'https://2130706433/' },
  { location: 'https://[::ffff:a9fe:a9fe]/latest/meta-data/' },
  { location: '//169.254.169.254/latest/meta-data/' },
  { location: 'https://localhost/' },
  { location: 'https://metadata.google.internal/' },
  { location: 'https://inside.example/', names: ['10.0.0.1'] },
  { location: 'https://inside.example/', names: [PUBLIC_ADDRESS, '10.0.0.1'] },
  { location: 'https://inside.example/', names: ['fd00::1'] },
  { location: 'https://inside.example/', names: [] },
  { location: 'http://127.0.0.1/' },
  { location: 'http://images.example/' },
  { location: 'https://images.example:8443/' },
  { location: 'https://user:secret@images.example/' },
  { location: 'https:\\\\127.0.0.1\\' },
  { location: '/\t/127.0.0.1/' },
  { location: 'file:///etc/passwd' },
  { location: 'ftp://images.example/' },
  { location: 'data:image/png;base64,iVBORw0KGgo=' },
]
for (const { location, names } of inward) {
  test(`A redirect to ${JSON.stringify(location)} (${names?.join() ?? 'as it is'}) ends the fetch`, async (context) => {
    const { fetchImage, connections } = await openSmallWeb(context, {
      handler: redirecting({ '/a': location }),
      resolve: async (host) => (host === 'inside.example' && names !== undefined ? names : [PUBLIC_ADDRESS]),
    })
    await assert.rejects(
      fetchImage('https://images.example/a'),
      apiFault('invalid_image_url', 'input', /^The image URL (?:leads nowhere|is redirected to a URL that is not)/),
    )
    assert.deepEqual(connections, [{ addresses: [PUBLIC_ADDRESS], port: 443 }])
  })
}

test('A host that was public is looked up and checked again when a redirect leads back to it', async (context) => {
  const answers = [[PUBLIC_ADDRESS], ['127.0.0.1']]
  const { fetchImage, connections } = await openSmallWeb(context, {
    handler: redirecting({ '/a': '/b' }),
    resolve: async () => answers.shift() ?? [],
  })
  await assert.rejects(fetchImage('https://images.example/a'), /leads nowhere/)
  assert.equal(connections.length, 1)
})
