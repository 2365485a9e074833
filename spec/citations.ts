import { globSync, readFileSync } from 'node:fs'

const CITATION = /\b(?:proves|knownGap)\(\s*(\[[^\]]*\]|['"][^'"]+['"])/g

/** Ids that tests cite, from their source: a cited test that fails fails by itself. */
export function citedIds(): ReadonlySet<string> {
  const files = globSync('{src,spec,e2e}/**/*.test.ts')
  if (files.length === 0) throw new Error('There are no test files.')
  const citations = files.flatMap((file) =>
    Array.from(readFileSync(file, 'utf8').matchAll(CITATION), ([, ids]) => ids ?? ''),
  )
  return new Set(citations.flatMap((ids) => Array.from(ids.matchAll(/['"]([^'"]+)['"]/g), ([, id]) => id ?? '')))
}
