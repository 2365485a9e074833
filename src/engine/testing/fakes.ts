import type { Sealer } from '../../core/seal.ts'
import { parseJson, type JsonValue } from '../../protocol/json.ts'
import type { Logger } from '../../telemetry/log.ts'

/** Seals nothing: the origin and the state can be read in the text. */
export const openSealer: Sealer = {
  seal: (state, origin) => `${origin}:${JSON.stringify(state)}`,
  unseal(sealed, origin) {
    if (!sealed.startsWith(`${origin}:`)) return undefined
    return parseJson(sealed.slice(origin.length + 1)) as JsonValue // It was sealed as JSON.
  },
}

/** A line of the log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly facts: Readonly<Record<string, unknown>>
  readonly message: string
}

/** A logger that keeps its lines. */
export interface RecordingLogger extends Logger {
  readonly lines: readonly LogLine[]
}

/** Makes a logger; its children write to the same lines. */
export function recordingLogger(lines: LogLine[] = [], common: object = {}): RecordingLogger {
  const at = (level: LogLine['level']) => (facts: object, message: string) => {
    lines.push({ level, facts: { ...common, ...facts }, message })
  }
  return {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (facts) => recordingLogger(lines, { ...common, ...facts }),
  }
}
