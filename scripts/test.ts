import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'

/** Every test file; arguments narrow the list to paths that hold one of them. */
const wanted = process.argv.slice(2)
const files = globSync('{src,spec,e2e,scripts,bench}/**/*.test.ts')
  .toSorted()
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))

// Node's own runner, by absolute path: the project's Node, whatever is first on PATH.
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=2', '--test-timeout=120000', '--disable-proto=delete', ...files],
  {
    stdio: 'inherit',
  },
)
process.exitCode = status ?? 1
