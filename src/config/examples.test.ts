import assert from 'node:assert/strict'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from './load.ts'

/** Configurations that a page shows. */
function examplesIn(path: string): readonly string[] {
  const blocks = [...readFileSync(path, 'utf8').matchAll(/^```yaml\n(.*?)^```$/gms)]
  return blocks.flatMap(([, yaml = '']) => (yaml.includes('providers:') ? [yaml] : []))
}

const pages = ['README.md', ...globSync('docs/*.md')].filter((path) => examplesIn(path).length > 0)

test('Pages show configurations', () => assert.ok(pages.includes('docs/configuring-providers.md')))

for (const page of pages) {
  for (const [index, yaml] of examplesIn(page).entries()) {
    test(`${page}: configuration ${index + 1} is valid`, async (context) => {
      const folder = mkdtempSync(join(tmpdir(), 'antiphon-example-'))
      context.after(() => rmSync(folder, { recursive: true }))
      const file = join(folder, 'antiphon.yaml')
      writeFileSync(file, yaml)
      await loadConfig({ config: file }, variablesIn(yaml))
    })
  }
}

/** Every variable that it names, set. */
function variablesIn(yaml: string): Record<string, string> {
  return Object.fromEntries([...yaml.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => [name, `value-of-${name}`]))
}
