import assert from 'node:assert/strict'
import { test } from 'node:test'
import { vertexBaseUrl } from './vertex.ts'

const places = [
  { location: 'us-east5', host: 'us-east5-aiplatform.googleapis.com' },
  { location: 'global', host: 'aiplatform.googleapis.com' },
  { location: 'eu', host: 'aiplatform.eu.rep.googleapis.com' },
]
for (const { location, host } of places) {
  test(`A project in ${location} is at ${host}`, () => {
    const url = vertexBaseUrl({ baseUrl: undefined, own: { project: 'acme', location } })
    assert.equal(url, `https://${host}/v1/projects/acme/locations/${location}`)
  })
}

test('An address of the configuration takes the place of Google’s, and names stay within their segment', () => {
  const url = vertexBaseUrl({ baseUrl: 'http://proxy/v1', own: { project: 'a/b', location: 'us' } })
  assert.equal(url, 'http://proxy/v1/projects/a%2Fb/locations/us')
})
