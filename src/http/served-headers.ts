import type { Served } from '../engine/run.ts'

/** Longest name of a model in a header, in characters. */
const NAME_CHARS_MAX = 256

const WARNINGS_CHARS_MAX = 2000

/** Who has answered, and what was left out of what it was asked; nothing where nobody was asked. */
export function servedHeaders(served: Served | undefined): Record<string, string> {
  if (served === undefined) return {}
  return { 'antiphon-route': routeOf(served), ...warningHeaders(served.warnings) }
}

/** What was left out of the model call, in one header of plain ASCII. */
export function warningHeaders(warnings: readonly string[]): Record<string, string> {
  if (warnings.length === 0) return {}
  return {
    'antiphon-warnings': warnings
      .join('; ')
      .replace(/[^\x20-\x7e]/g, '?')
      .slice(0, WARNINGS_CHARS_MAX),
  }
}

/** Such as `claude/claude-sonnet-5; attempt=2`. Clients may choose names of models: whatever could end one is encoded. */
function routeOf({ provider, model, attempt }: Served): string {
  return `${encode(provider)}/${encode(model)}; attempt=${attempt}`
}

const SPECIAL = /[^\w./:@+~-]/gu

function encode(name: string): string {
  return name.slice(0, NAME_CHARS_MAX).toWellFormed().replace(SPECIAL, encodeURIComponent)
}
