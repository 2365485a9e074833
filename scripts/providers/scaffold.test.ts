import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type TestContext } from 'node:test'
import { REGISTRY } from './scaffold.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A copy of the sources, gone when the test ends. */
function scratch(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'antiphon-scaffold-'))
  context.after(() => rmSync(folder, { recursive: true }))
  for (const part of ['src', 'scripts', 'tsconfig.json', 'package.json', '.oxfmtrc.json', '.oxlintrc.json']) {
    cpSync(join(ROOT, part), join(folder, part), { recursive: true })
  }
  mkdirSync(join(folder, 'docs'))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

function run(cwd: string, ...args: readonly string[]): { status: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
  return { status, said: stdout + stderr }
}

test('A new family is one folder and its line in the registry; it compiles, and its first scenarios hold', (context) => {
  const folder = scratch(context)
  const before = readFileSync(join(folder, REGISTRY), 'utf8').split('\n')
  assert.deepEqual(run(folder, 'scripts/new-provider.ts', 'acme-wire').status, 0)

  const after = readFileSync(join(folder, REGISTRY), 'utf8').split('\n')
  assert.deepEqual(
    after.filter((line) => !before.includes(line)),
    [
      "import { DIALECTS as acmeWire } from './acme-wire/tables.ts'",
      "  'acme-wire': { dialects: acmeWire, load: async () => (await import('./acme-wire/adapter.ts')).acmeWire },",
    ],
  )
  const untouched = after.filter((line) => before.includes(line))
  assert.deepEqual(untouched, before)

  const own = ['src/providers/acme-wire', REGISTRY]
  const types = run(folder, 'node_modules/typescript/bin/tsc', '--noEmit').said.split('\n')
  assert.deepEqual(
    types.filter((line) => own.some((path) => line.startsWith(path))),
    [],
  )
  for (const args of [
    ['node_modules/oxfmt/bin/oxfmt', '--check', ...own],
    ['node_modules/oxlint/bin/oxlint', ...own],
    ['--test', '--disable-proto=delete', 'src/providers/acme-wire/conformance.test.ts'],
  ]) {
    const { status, said } = run(folder, ...args)
    assert.equal(status, 0, `${args.join(' ')}: ${said}`)
  }
})

test('What is no name, and what is there already, is refused', (context) => {
  const folder = scratch(context)
  assert.match(run(folder, 'scripts/new-provider.ts', 'Acme').said, /of lower-case letters and hyphens/)
  assert.match(run(folder, 'scripts/new-provider.ts', 'demo').said, /is there already/)
})
