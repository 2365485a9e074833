import type { ApiError } from '../protocol/error.ts'
import type { ResponseId } from '../protocol/id.ts'
import type { Response } from '../protocol/response.ts'
import type { EventLog } from './event-log.ts'

/** One response from `response.created` to its terminal event, as others see it. */
export interface Run {
  readonly id: ResponseId
  readonly log: EventLog
  /**
   * Resolves when a 200 may be sent: the provider has begun to answer, and the response is stored.
   * Rejects with the error to send instead.
   */
  readonly begun: Promise<void>
  /** Resolves with the terminal snapshot, after it is stored. Never rejects. */
  readonly ended: Promise<Response>
  /** The snapshot so far. */
  snapshot(): Response
  /** The call that has begun to answer, or that was made last; undefined before the first. */
  served(): Served | undefined
  /** The failure that ended the run before the model had said anything, if one did. */
  failure(): ApiError | undefined
  /**
   * A client waits for the answer. When the last one goes, the model is stopped: a moment later where the request may
   * come again, as SDKs send it, and go on with this very run.
   *
   * @returns what to call when it goes.
   */
  join(): () => void
  /** Stops the model; what it has said so far is kept, the status is `cancelled`. */
  cancel(): void
  /** Stops the model because this server stops: a job is left for the next process, anything else fails. */
  interrupt(reason: ApiError): void
  /** Stops everything and ends every reader: the response was deleted, or is another worker's now. */
  abandon(): void
  /** It looks like another worker's now: it is abandoned, unless it is being ended, which tells for certain. */
  lose(): void
  /** Another process may have deleted it, or ended it: then it is abandoned. */
  recheck(): Promise<void>
  /** Somebody reads along from another process: the events are kept from now on. */
  follow(): void
  /** Whether it was interrupted to go on in another process. */
  readonly isGivenBack: boolean
}

/** Whom a response is of. */
export interface Served {
  /** Its name in the configuration. */
  readonly provider: string
  /** The model's name there. */
  readonly model: string
  /** How many calls it took. */
  readonly attempt: number
  /** What the call leaves out of the request, or does otherwise. */
  readonly warnings: readonly string[]
}

/** Limits of one run. */
export interface RunLimits {
  /** Whole response, in milliseconds. */
  readonly response_ms: number
  /** Silence after which a stream is begun without a first event, in milliseconds. */
  readonly keepalive_ms: number
  /** Most bytes of output, as UTF-16 text. */
  readonly outputBytesMax: number
}
