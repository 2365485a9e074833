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
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime })
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
