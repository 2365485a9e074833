import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { REQUIREMENTS } from './requirements.ts'

const CITATION = /\b(?:proves|knownGap)\(\s*(\[[^\]]*\]|['"][^'"]+['"])/g

/** Ids that tests cite, from their source: a cited test that fails fails by itself. */
function citedIds(): ReadonlySet<string> {
  const files = globSync('{src,spec,e2e}/**/*.test.ts')
  assert.ok(files.length > 0, 'there are test files')
  const citations = files.flatMap((file) =>
    Array.from(readFileSync(file, 'utf8').matchAll(CITATION), ([, ids]) => ids ?? ''),
  )
  return new Set(citations.flatMap((ids) => Array.from(ids.matchAll(/['"]([^'"]+)['"]/g), ([, id]) => id ?? '')))
}

test('every requirement of the API document is proved by a test', () => {
  const cited = citedIds()
  const unproved = Object.keys(REQUIREMENTS).filter((id) => !cited.has(id))
  assert.deepEqual(unproved, [])
})

test('tests cite no requirement that does not exist', () => {
  assert.deepEqual(
    [...citedIds()].filter((id) => !(id in REQUIREMENTS)),
    [],
  )
})
