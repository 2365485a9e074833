import assert from 'node:assert/strict'
import { test } from 'node:test'
import { egressFaults, layerFaults, purityFaults } from './layers.ts'
import { docstringFaults, exportFaults, nameFaults } from './names.ts'
import { sizeFaults } from './sizes.ts'
import { parseSource, type SourceFile } from './source.ts'
import { inspect } from './tidy.ts'

test('the project is tidy', () => {
  const { faults, files, functions } = inspect()
  assert.ok(files > 100 && functions > 300, `looked at ${files} files and ${functions} functions`)
  assert.deepEqual(faults, [])
})

const longBody = Array.from({ length: 51 }, (_, index) => `  call(${index})`).join('\n')

const violations: readonly (readonly [
  rule: string,
  check: (file: SourceFile) => string[],
  path: string,
  text: string,
])[] = [
  ['an import against the layers', layerFaults, 'src/core/a.ts', `import { x } from '../engine/engine.ts'`],
  ['an import behind an interface', layerFaults, 'src/engine/a.ts', `import { x } from '../store/sqlite/worker.ts'`],
  ['a re-export against the layers', layerFaults, 'src/protocol/a.ts', `export { x } from '../core/decide.ts'`],
  ['a socket outside egress', egressFaults, 'src/http/a.ts', `import { connect } from 'node:net'`],
  ['a fetch outside egress', egressFaults, 'src/commands/a.ts', `await fetch('https://example.com')`],
  ['the clock in a pure layer', purityFaults, 'src/core/a.ts', 'export const now = Date.now()'],
  ['a module of Node in a pure layer', purityFaults, 'src/protocol/a.ts', `import { x } from 'node:fs'`],
  ['a long function', sizeFaults, 'src/a.ts', `function a() {\n${longBody}\n}`],
  ['a fourth parameter', sizeFaults, 'src/a.ts', 'const a = (b: 1, c: 1, d: 1, e: 1) => b'],
  ['deep nesting', sizeFaults, 'src/a.ts', 'function a() { if (b) { for (;;) { while (c) { if (d) e() } } } }'],
  ['a long file', sizeFaults, 'src/a.ts', Array.from({ length: 301 }, (_, index) => `call(${index})`).join('\n')],
  ['a name in another case', nameFaults, 'src/core/someFile.ts', ''],
  ['a name that says nothing', nameFaults, 'src/core/utils.ts', ''],
  ['an export without a docstring', docstringFaults, 'src/core/a.ts', 'export function a(): void {}'],
  ['a default export', exportFaults, 'src/core/a.ts', 'export default 1'],
  ['a barrel', exportFaults, 'src/core/a.ts', `export * from './b.ts'`],
]

for (const [rule, check, path, text] of violations) {
  test(`the gates see ${rule}`, () => {
    assert.equal(check(parseSource(path, text)).length, 1)
  })
}

test('the gates let ordinary code through', () => {
  const text = `import { x } from '../protocol/json.ts'\n/** Does it. */\nexport function a(b: 1): void { if (b) x() }`
  const file = parseSource('src/core/a.ts', text)
  for (const check of [
    layerFaults,
    egressFaults,
    purityFaults,
    sizeFaults,
    nameFaults,
    docstringFaults,
    exportFaults,
  ]) {
    assert.deepEqual(check(file), [])
  }
})
