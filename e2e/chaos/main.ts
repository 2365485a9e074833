/**
 * `npm run chaos -- --cycles 200`: kills a server with `kill -9` again and again, under mixed traffic, and looks after
 * every start whether anything that a client was told is lost, doubled or changed.
 *
 * | Flag             | Meaning                                                                               |
 * | ---------------- | ------------------------------------------------------------------------------------- |
 * | `--cycles N`     | How many kills: 200.                                                                  |
 * | `--first N`      | Number of the first cycle, to repeat one that went wrong: 0.                          |
 * | `--seed S`       | Chance: 1.                                                                            |
 * | `--store WHICH`  | `sqlite`, `postgres` (at the URL in CHAOS_POSTGRES) or `both`: sqlite.                |
 * | `--keep`         | Data files with which something was wrong stay where they are.                        |
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildInto } from './bundle.ts'
import type { Figures } from './figures.ts'
import type { Violation } from './journal.ts'
import { FILE_CYCLES, runChaos } from './run.ts'

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '200' },
    first: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    hasPauses: true,
    store: { type: 'string', default: 'sqlite' },
    keep: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)
const VIOLATIONS_SHOWN = 20
const say = (text: string) => process.stdout.write(`${text}\n`)
const folder = mkdtempSync(join(tmpdir(), 'antiphon-chaos-bundle-'))
const main = buildInto(folder)
try {
  for (const store of storesNamed(values.store)) report(store, await run(store))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** What stores are to be gone through. */
function storesNamed(name: string): readonly ('sqlite' | 'postgres')[] {
  if (name === 'both') return ['sqlite', 'postgres']
  if (name === 'sqlite' || name === 'postgres') return [name]
  throw new Error(`--store must be sqlite, postgres or both, got ${name}.`)
}

function run(store: 'sqlite' | 'postgres'): Promise<Figures> {
  const url = process.env['CHAOS_POSTGRES']
  if (store === 'postgres' && url === undefined) throw new Error('CHAOS_POSTGRES must hold the URL of a database.')
  return runChaos({
    seed,
    first: Number(values.first),
    cycles: Number(values.cycles),
    main,
    store: store === 'postgres' ? url : undefined,
    patience: { late_ms: 2000, stuck_ms: 20_000 },
    keepsFolders: values.keep,
    time_ms: Number.POSITIVE_INFINITY,
    onProgress: (figures) => say(`${store}: ${figures.line()}`),
  })
}

function report(store: string, figures: Figures): void {
  say(`\n${store}, seed ${seed}\n${figures.table()}`)
  for (const violation of figures.violations.slice(0, VIOLATIONS_SHOWN)) say(told(violation))
  if (figures.violations.length > 0) process.exitCode = 1
}

function told({ rule, cycle, tag, id, detail }: Violation): string {
  return `\n${rule}: cycle ${cycle} (--seed ${seed} --first ${cycle - (cycle % FILE_CYCLES)}) ${tag} ${id}\n  ${detail}`
}
