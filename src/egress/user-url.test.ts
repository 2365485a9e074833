import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRedirect, readUserUrl, URL_CHARS_MAX } from './user-url.ts'

const ALLOWED = new Set(['http://10.0.0.5:9000', 'https://files.corp:8443', 'http://files.corp'])
const PAGE = new URL('https://images.example/a/b?c')

const taken = [
  { text: 'https://images.example', href: 'https://images.example/' },
  { text: 'https://images.example:443/a?b#c', href: 'https://images.example/a?b#c' },
  { text: 'HTTPS://Bücher.Example/ü', href: 'https://xn--bcher-kva.example/%C3%BC' },
  { text: 'https://images.example//a', href: 'https://images.example//a' },
  { text: 'http://10.0.0.5:9000/a', href: 'http://10.0.0.5:9000/a' },
  { text: 'http://0xa.5:9000', href: 'http://10.0.0.5:9000/' },
  { text: 'https://FILES.corp:8443/', href: 'https://files.corp:8443/' },
  { text: 'http://files.corp:80/', href: 'http://files.corp/' },
  { text: `https://a/${'b'.repeat(URL_CHARS_MAX - 10)}`, href: `https://a/${'b'.repeat(URL_CHARS_MAX - 10)}` },
]
for (const { text, href } of taken) {
  test(`${text.slice(0, 40)} is a URL to fetch`, () => assert.equal(readUserUrl(text, ALLOWED).href, href))
}

const refused = [
  { how: 'http', text: 'http://images.example/' },
  { how: 'another port', text: 'https://images.example:8443/' },
  { how: 'the port of http', text: 'https://images.example:80/' },
  { how: 'another port of an allowed host', text: 'https://files.corp:9443/' },
  { how: 'another scheme of an allowed host', text: 'http://files.corp:8443/' },
  { how: 'a blob, whose origin is allowed', text: 'blob:http://files.corp/a' },
  { how: 'an allowed origin as a user name', text: 'http://files.corp@images.example/' },
  { how: 'a user name at an allowed origin', text: 'http://user@files.corp/' },
  { how: 'a password', text: 'https://:secret@images.example/' },
  { how: 'a path', text: '/etc/passwd' },
  { how: 'no scheme', text: '//images.example/' },
  { how: 'a blank before it', text: ' https://images.example/' },
  { how: 'a blank of no width at its begin', text: '\ufeffhttps://images.example/' },
  { how: 'a control character of the second set', text: 'https://images.example/\u0085' },
  { how: 'a backslash in its query', text: 'https://images.example/?\\' },
  { how: 'one character too many', text: `https://a/${'b'.repeat(URL_CHARS_MAX - 9)}` },
]
for (const { how, text } of refused) {
  test(`A URL with ${how} is refused`, () => {
    assert.throws(() => readUserUrl(text, ALLOWED), /^FetchFault: must be an https URL with port 443, of at most 8192/)
  })
}

const redirects = [
  { location: '../c', href: 'https://images.example/c' },
  { location: '?d', href: 'https://images.example/a/b?d' },
  { location: '//other.example/c', href: 'https://other.example/c' },
  { location: 'http://files.corp/c', href: 'http://files.corp/c' },
  { location: 'http://images.example/a', href: undefined },
  { location: '//images.example:8443/a', href: undefined },
  { location: '//user@other.example', href: undefined },
  { location: '/\\other.example', href: undefined },
  { location: 'file:///etc/passwd', href: undefined },
  { location: 'data:image/png;base64,', href: undefined },
  { location: 'https://', href: undefined },
  { location: `/${'a'.repeat(URL_CHARS_MAX)}`, href: undefined },
] as const
for (const { location, href } of redirects) {
  test(`A redirect to ${location.slice(0, 40)} leads to ${href ?? 'nothing'}`, () => {
    if (href !== undefined) return assert.equal(readRedirect(location, PAGE, ALLOWED).href, href)
    assert.throws(() => readRedirect(location, PAGE, ALLOWED), /is redirected to a URL that is not fetched/)
  })
}
