import type { Served } from '../engine/run.ts'

/** Longest name of a model in a header, in characters. */
const NAME_CHARS_MAX = 256

/** Longest list of warnings in a header, in characters: the log has them all. */
const WARNINGS_CHARS_MAX = 2000

/** Stands where a list goes on. */
const MORE = '...'

/** Who has answered, and what was left out of what it was asked; nothing where nobody was asked. */
export function servedHeaders(served: Served | undefined): Record<string, string> {
  if (served === undefined) return {}
  return { 'antiphon-route': routeOf(served), ...warningHeaders(served.warnings) }
}

/** What was left out of the model call, in one header of plain ASCII. */
export function warningHeaders(warnings: readonly string[]): Record<string, string> {
  if (warnings.length === 0) return {}
  const list = warnings.join('; ').replace(/[^\x20-\x7e]/g, '?')
  const isWhole = list.length <= WARNINGS_CHARS_MAX
  return { 'antiphon-warnings': isWhole ? list : list.slice(0, WARNINGS_CHARS_MAX - MORE.length) + MORE }
}

/** Such as `claude/claude-sonnet-5; attempt=2`. Clients may choose names of models: whatever could end one is encoded. */
function routeOf({ provider, model, attempt }: Served): string {
  return `${encode(provider)}/${encode(model)}; attempt=${attempt}`
}

const SPECIAL = /[^\w./:@+~-]/gu

function encode(name: string): string {
  return name.slice(0, NAME_CHARS_MAX).toWellFormed().replace(SPECIAL, encodeURIComponent)
}
