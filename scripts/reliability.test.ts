import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const PAGE = 'docs/reliability.md'

/** One fault of the page. */
interface Row {
  readonly id: string
  /** Files whose tests are said to prove it. */
  readonly files: readonly string[]
  /** What the last column says. */
  readonly proof: string
}

const rows: readonly Row[] = Array.from(
  readFileSync(PAGE, 'utf8').matchAll(/^\| ([A-Z]-\d\d) +\| [^|]+ \| ([^|]+?) *\|$/gm),
  ([, id = '', proof = '']) => ({
    id,
    proof,
    files: Array.from(proof.matchAll(/`([^`]+\.ts)`/g), ([, file]) => file ?? ''),
  }),
)

/** Ids that a text in quotes begins with, such as the sentence of a test, or the row of a table of tests. */
function idsIn(file: string): ReadonlySet<string> {
  const lists = readFileSync(file, 'utf8').matchAll(/['"`]((?:[CDEKORTU]-\d\d)(?:, [A-Z]-\d\d)*)(?=['"`:])/g)
  return new Set(Array.from(lists, ([, list = '']) => list.split(', ')).flat())
}

test('every fault of the page is there once', () => {
  assert.ok(rows.length > 100, `${rows.length} rows`)
  assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length)
})

test('every fault of the page has a test whose sentence begins with its id, or a reason for having none', () => {
  const faults = rows.flatMap(({ id, files, proof }) => {
    if (files.length === 0) return /^none\b.*: .{20}/.test(proof) ? [] : [`${id} has neither a test nor a reason`]
    return files.flatMap((file) => {
      if (!existsSync(file)) return [`${id}: there is no ${file}`]
      return idsIn(file).has(id) ? [] : [`${id}: no sentence in ${file} begins with it`]
    })
  })
  assert.deepEqual(faults, [])
})

test('every fault that a test names is on the page', () => {
  const known = new Set(rows.map(({ id }) => id))
  const files = globSync('{src,e2e,spec}/**/{*.test,contract-*}.ts')
  assert.ok(files.length > 100)
  const strangers = files.flatMap((file) =>
    [...idsIn(file)].filter((id) => /^[CDEKORTU]/.test(id) && !known.has(id)).map((id) => `${id} of ${file}`),
  )
  assert.deepEqual(strangers, [], `Name them in ${PAGE}.`)
})
