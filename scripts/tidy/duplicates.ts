import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Most of the code, in per cent, that may stand in two places. */
export const DUPLICATE_PERCENT_MAX = 5

/** Fewer lines are no copy. */
const LINES_MIN = 6

/** How much of the code stands in two places, and where. */
export interface Duplicates {
  readonly percent: number
  readonly files: number
  readonly places: readonly string[]
  /** Those of two adapters: families of providers share what is the same, and copy nothing. */
  readonly betweenAdapters: readonly string[]
}

interface Report {
  readonly statistics: { readonly total: { readonly percentage: number; readonly sources: number } }
  readonly duplicates: readonly { readonly firstFile: Place; readonly secondFile: Place }[]
}

interface Place {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** Looks for copied code: at least 50 tokens over 6 lines, comments and imports apart. */
export function findDuplicates(folders: readonly string[]): Duplicates {
  const output = mkdtempSync(join(tmpdir(), 'duplicates-'))
  const options = ['--min-lines', String(LINES_MIN), '--min-tokens', '50', '--mode', 'weak', '--format', 'typescript']
  const { status, stderr } = spawnSync(
    process.execPath,
    ['node_modules/jscpd/run-jscpd.js', ...options, '--reporters', 'json', '--output', output, ...folders],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`The duplicate finder failed: ${stderr}`)
  const report = JSON.parse(readFileSync(join(output, 'jscpd-report.json'), 'utf8')) as Report
  rmSync(output, { recursive: true })
  const { percentage, sources } = report.statistics.total
  const name = ({ name: path, start, end }: Place) => `${path}:${start}-${end}`
  const told = ({ firstFile, secondFile }: Pair) => `${name(firstFile)} ~ ${name(secondFile)}`
  return {
    percent: percentage,
    files: sources,
    places: report.duplicates.map(told),
    betweenAdapters: report.duplicates.filter(areTwoAdapters).map(told),
  }
}

type Pair = Report['duplicates'][number]

const ADAPTER = /(?:^|\/)providers\/([a-z-]+)\/(?!testing\/)[^/]*(?<!\.test)\.ts$/

/** Whether a block stands in the folders of two families, beyond what they import. */
function areTwoAdapters({ firstFile, secondFile }: Pair): boolean {
  const [first, second] = [firstFile, secondFile].map(({ name: path }) => ADAPTER.exec(path)?.[1])
  if (first === undefined || second === undefined || first === second) return false
  return [firstFile, secondFile].every((place) => linesOfCode(place) >= LINES_MIN)
}

/** How many lines of a block are neither imports, nor comments, nor empty. */
function linesOfCode({ name: path, start, end }: Place): number {
  const found = ['.', 'src', 'scripts'].map((root) => join(root, path)).find((file) => existsSync(file))
  const lines = found === undefined ? [] : readFileSync(found, 'utf8').split('\n')
  const imported = lines.findLastIndex((line) => /^import |^\} from /.test(line)) + 1
  return lines.slice(Math.max(start - 1, imported), end).filter((line) => !/^\s*(?:\/?\*|\/\/|$)/.test(line)).length
}
