import { figureOf } from '../statistics.ts'
import type { Result, Round } from './compare.ts'

/** A comparison, as it is kept. */
export interface Comparison {
  readonly machine: string
  readonly measuredAt: string
  readonly results: readonly Result[]
}

const BEGIN = '<!-- Written by npm run bench:peers. -->'
const END = '<!-- End of what is written. -->'

/** A page with what was measured in the place of what was measured before. @throws The page has no place for it. */
export function fillIn(page: string, comparison: Comparison): string {
  const [start, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (start === -1 || end < start) throw new Error(`The page has no lines ${BEGIN} and ${END}.`)
  const { machine, measuredAt } = comparison
  const head = `Measured on ${measuredAt.slice(0, 10)}: ${machine}. ${weatherOf(comparison)}`
  const written = `${head}\n\n${tableOf(comparison)}`
  return `${page.slice(0, start)}${BEGIN}\n\n${written}\n\n${page.slice(end)}`
}

/** How much others have disturbed. */
export function weatherOf({ results }: Comparison): string {
  const { median, most } = figureOf(results.flatMap(({ rounds }) => rounds.map(({ othersCores }) => othersCores)))
  return `Other processes used ${median.toFixed(2)} cores meanwhile, ${most.toFixed(2)} in the worst turn.`
}

/** What a column shows of a round; undefined where it was not measured. */
interface Column {
  readonly title: string
  readonly unit: '' | 'µs'
  readonly read: (round: Round) => number | undefined
}

const COLUMNS: readonly Column[] = [
  { title: 'JSON request', unit: 'µs', read: ({ cost }) => cost.json_us },
  { title: 'stream', unit: 'µs', read: ({ cost }) => cost.stream_us },
  { title: 'lone chunk', unit: 'µs', read: ({ cost }) => cost.chunk_us },
  { title: 'chunk, saturated', unit: 'µs', read: ({ saturated }) => saturated.chunk_us },
  { title: 'chunks/s', unit: '', read: ({ saturated }) => saturated.chunksPerSecond },
  { title: 'JSON requests/s', unit: '', read: ({ saturated }) => saturated.requestsPerSecond },
]

/** The table in Markdown, a row for each API: medians, and how many times the first row's. Brackets hold the spread. */
export function tableOf({ results }: Comparison): string {
  const head = ['server', 'API', 'what it does', ...COLUMNS.map(({ title }) => title)]
  const base = results[0]?.rounds ?? []
  const rows = results.map((result) => [
    `${result.name} ${result.version}`.trim(),
    result.api,
    result.work,
    ...cellsOf(result, base),
  ])
  const lines = [head, head.map((_, column) => (column < 3 ? '---' : '---:')), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function cellsOf({ rounds, fault, holdsChunks }: Result, base: readonly Round[]): readonly string[] {
  if (fault !== undefined) return [plain(fault), ...COLUMNS.slice(1).map(() => '')]
  return COLUMNS.map(({ unit, read }) => {
    const [figures, ratios] = [[] as number[], [] as number[]]
    for (const [turn, round] of rounds.entries()) {
      const [value, other] = [read(round), base[turn] && read(base[turn])]
      if (value === undefined) continue
      figures.push(value)
      if (other !== undefined) ratios.push(value / other)
    }
    if (figures.length === 0) return holdsChunks ? 'holds chunks back' : ''
    return unit === '' ? grouped(figures) : `${shown(figureOf(figures).median)} ${unit}, ${timesOf(ratios)}`
  })
}

/** Two digits that count. */
function shown(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0)
}

/** The median, and in brackets the least and the most. */
function timesOf(ratios: readonly number[]): string {
  const { median, least, most } = figureOf(ratios)
  return `${median.toFixed(1)}x (${least.toFixed(1)} to ${most.toFixed(1)})`
}

function grouped(values: readonly number[]): string {
  const { median, least, most } = figureOf(values)
  const [middle, low, high] = [median, least, most].map((value) => Math.round(value).toLocaleString('en-US'))
  return `${middle} (${low} to ${high})`
}

/** What a server said, in a table's cell. */
function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('|', '/').slice(0, 200)
}
