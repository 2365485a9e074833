import { overBudget, type Line } from './budgets.ts'

/** Lines as columns: the median, its spread, the budget. */
export function tableOf(lines: readonly Line[]): string {
  const over = new Set(overBudget(lines))
  const rows = lines.map((line) => [
    line.name,
    shown(line.figure.median, line.unit),
    line.figure.least === line.figure.most ? '' : `${shown(line.figure.least)} to ${shown(line.figure.most)}`,
    line.budget === undefined ? '' : `${line.isFloor === true ? '>=' : '<='} ${shown(line.budget, line.unit)}`,
    line.budget === undefined ? '' : over.has(line) ? 'OVER' : 'holds',
  ])
  const all = [['', 'median', 'least to most', 'budget', ''], ...rows]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function shown(value: number, unit = ''): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  const separator = unit === '' || unit === 'x' || unit === '/s' ? '' : ' '
  return `${value.toFixed(digits)}${separator}${unit}`
}
