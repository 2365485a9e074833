import { pino } from 'pino'
import { UpstreamError } from '../core/upstream-error.ts'

/** One line per fact, as JSON. Never prompts, outputs, keys or file contents. */
export interface Logger {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
  /** A logger whose lines all bear these facts. */
  child(facts: object): Logger
}

/** Levels that `LOG_LEVEL` may name. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** One of the log levels. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** A logger that writes to standard output. */
export function createLogger(level: LogLevel): Logger {
  const output = level === 'silent' ? { write() {} } : bufferedOutput()
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, output)
}

/** Longest time that a line waits for others, in milliseconds: a write for each would cost more than the line. */
const LINE_WAIT_MS = 20

/** Lines from this level of pino's on (`warn`) are written at once. */
const URGENT_LEVEL = 40

function bufferedOutput() {
  let lines = ''
  const flush = () => {
    if (lines !== '') process.stdout.write(lines)
    lines = ''
  }
  process.once('exit', flush)
  return {
    /** Makes pino tell the level of each line. */
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 0,
    write(line: string) {
      if (lines === '') setTimeout(flush, LINE_WAIT_MS).unref()
      lines += line
      if (this.lastLevel >= URGENT_LEVEL) flush()
    },
  }
}

/**
 * What may be said of an error in the log: its names and places, and the messages of our own errors. A
 * provider's words are not repeated: they may quote the prompt.
 */
export function errorFacts(error: unknown): object {
  if (!(error instanceof Error)) return { error: typeof error }
  const cause = error.cause instanceof Error ? { cause: `${error.cause.name}: ${error.cause.message}` } : {}
  if (error instanceof UpstreamError) {
    const { fault, status, code } = error.problem
    return { error: error.name, fault, status, code, ...cause }
  }
  return { error: error.name, reason: error.message, stack: error.stack, ...cause }
}
