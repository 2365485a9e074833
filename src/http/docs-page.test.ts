import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildOpenApi } from '../protocol/openapi.ts'
import { docsPage } from './docs-page.ts'

const api = buildOpenApi('1.2.3')
const page = docsPage(api)

test('the page names every operation and every schema once', () => {
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const method of Object.keys(methods)) assert.ok(page.includes(`<code>${method.toUpperCase()} ${path}</code>`))
  }
  const ids = [...page.matchAll(/<details id="([^"]+)">/g)].map(([, id]) => id)
  assert.deepEqual(ids, Object.keys(api.components.schemas))
  assert.ok(page.includes('Antiphon API 1.2.3'))
})

test('every link of the page leads somewhere on it, or to the description for programs', () => {
  const targets = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => `#${id}`)).add('/openapi.json')
  const links = [...page.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)
  assert.ok(links.length > 50)
  assert.deepEqual(
    links.filter((href) => !targets.has(href ?? '')),
    [],
  )
})

test('the page runs no script and loads nothing', () => {
  assert.doesNotMatch(page, /<script|<link|<img|<iframe|https?:|@import|url\(/)
})

test('what is shown cannot become part of the page', () => {
  const hostile = docsPage({
    ...api,
    info: { ...api.info, version: '<b>1</b>' },
    paths: { '/<i>"&': { get: { summary: '<script>alert(1)</script>' } } },
    components: { ...api.components, schemas: { 'A"><script>': { description: '</pre><script>&amp;' } } },
  })
  assert.doesNotMatch(hostile, /<script|<b>|<i>/)
  assert.ok(hostile.includes('&lt;script&gt;alert(1)&lt;/script&gt;'))
  assert.ok(hostile.includes('&amp;amp;'))
})
