import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Most of the code, in per cent, that may stand in two places. */
export const DUPLICATE_PERCENT_MAX = 5

/** How much of the code stands in two places, and where. */
export interface Duplicates {
  readonly percent: number
  readonly files: number
  readonly places: readonly string[]
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
  const options = ['--min-lines', '6', '--min-tokens', '50', '--mode', 'weak', '--format', 'typescript']
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
  return {
    percent: percentage,
    files: sources,
    places: report.duplicates.map(({ firstFile, secondFile }) => `${name(firstFile)} ~ ${name(secondFile)}`),
  }
}
