/**
 * `npm run chaos -- --cycles 200`: kills a server with `kill -9` again and again, under mixed traffic, and looks after
 * every start whether anything that a client was told is lost, doubled or changed.
 *
 * | Flag             | Meaning                                                                               |
 * | ---------------- | ------------------------------------------------------------------------------------- |
 * | `--cycles N`     | How many kills: 200.                                                                  |
 * | `--first N`      | Number of the first cycle, to repeat one that went wrong: 0.                          |
 * | `--seed S`       | Chance: 1.                                                                            |
 * | `--store WHICH`  | `sqlite`, `postgres` (one of its own) or `both`: sqlite.                              |
 * | `--no-pauses`    | Servers never stand still: else one in a hundred does, for two leases.                |
 * | `--keep`         | Data files with which something was wrong stay where they are.                        |
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CLUSTER_MISSING, startCluster } from '../../src/store/postgres/testing/cluster.ts'
import { buildInto } from './bundle.ts'
import { planOf } from './crash-plan.ts'
import type { Figures } from './figures.ts'
import type { Violation } from './journal.ts'
import { FILE_CYCLES, freshSqlite, runChaos } from './run.ts'

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '200' },
    first: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    store: { type: 'string', default: 'sqlite' },
    keep: { type: 'boolean', default: false },
    pauses: { type: 'boolean', default: true },
  },
  allowNegative: true,
})
type StoreName = 'sqlite' | 'postgres'

const STORES: Readonly<Record<StoreName, () => Promise<Figures>>> = {
  sqlite: () => run('sqlite', freshSqlite),
  postgres: runOnPostgres,
}

const seed = Number(values.seed)
const say = (text: string) => process.stdout.write(`${text}\n`)
const folder = mkdtempSync(join(tmpdir(), 'antiphon-chaos-bundle-'))
const main = buildInto(folder)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
try {
  for (const store of storesNamed(values.store)) report(store, await STORES[store]())
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** What stores are to be gone through. */
function storesNamed(name: string): readonly StoreName[] {
  if (name === 'both') return ['sqlite', 'postgres']
  if (name === 'sqlite' || name === 'postgres') return [name]
  throw new Error(`--store must be sqlite, postgres or both, got ${name}.`)
}

function run(store: StoreName, freshStore: (folder: string) => Promise<string>): Promise<Figures> {
  let shown = 0
  return runChaos({
    seed,
    first: Number(values.first),
    cycles: Number(values.cycles),
    main,
    hasPauses: values.pauses,
    freshStore,
    patience: { late_ms: 2000, stuck_ms: 20_000 },
    keepsFolders: values.keep,
    onProgress: (figures) => {
      say(`${store}: ${figures.line()}`)
      for (const violation of figures.violations.slice(shown)) say(told(violation))
      shown = figures.violations.length
    },
  })
}

async function runOnPostgres(): Promise<Figures> {
  if (CLUSTER_MISSING !== false) throw new Error(`There is no PostgreSQL here: ${CLUSTER_MISSING}.`)
  const cluster = await startCluster()
  try {
    return await run('postgres', () => cluster.createDatabase())
  } finally {
    await cluster.close()
  }
}

function report(store: string, figures: Figures): void {
  say(`\n${store}, seed ${seed}\n${figures.table()}\n`)
  if (figures.violations.length > 0) process.exitCode = 1
}

function told({ rule, cycle, tag, id, detail }: Violation): string {
  const begun = Number(/^c(\d+)-/.exec(tag)?.[1] ?? cycle)
  const still = values.pauses && planOf(seed, begun).isPaused ? ', whose server stood still' : ''
  const first = cycle - (cycle % FILE_CYCLES)
  return `  ${rule}: --seed ${seed} --first ${first} --cycles ${cycle - first + 1}: ${tag}${still} ${id}\n    ${detail}`
}
