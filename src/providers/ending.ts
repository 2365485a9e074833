import type { FinishEvent, ModelEvent, StopReason } from '../core/model-event.ts'
import type { UpstreamError } from '../core/upstream-error.ts'
import type { Usage } from '../protocol/usage.ts'
import type { AnswerReader } from './exchange.ts'

/** What an answer has said of itself so far: how it ended, and what it took. */
export interface Ending {
  reason?: StopReason
  usage?: Usage
  serviceTier?: string
  failure?: UpstreamError
}

/** What differs from wire to wire. */
export interface OwnReading extends Pick<AnswerReader, 'read' | 'readWhole' | 'readList'> {
  /** The answer is over: what was held back until it was clear what it is. */
  settle(): ModelEvent[]
}

/**
 * Makes a reader of what its wire needs, and of what every answer has.
 *
 * @param byDefault Why an answer ended that has not said why.
 */
export function createReader(ending: Ending, own: OwnReading, byDefault: StopReason = 'stop'): AnswerReader {
  return {
    read: (document) => own.read(document),
    readWhole: (answer) => own.readWhole(answer),
    ...(own.readList && { readList: own.readList }),
    hasFinished: () => ending.reason !== undefined,
    failure: () => ending.failure,
    usage: () => ending.usage,
    end: () => [...own.settle(), finishOf(ending, byDefault)],
  }
}

function finishOf({ reason, usage, serviceTier }: Ending, byDefault: StopReason): FinishEvent {
  const told = { ...(usage && { usage }), ...(serviceTier && { serviceTier }) }
  return { type: 'finish', reason: reason ?? byDefault, ...told }
}

/** How many tokens an answer took. */
export interface Tokens {
  /** Those of the cache among them. */
  readonly input: number
  readonly cached?: number
  readonly written?: number
  /** Those of reasoning among them. */
  readonly output: number
  readonly reasoning?: number
}

/** Usage as clients know it: every detail is there, if only as a 0. */
export function usageOf({ input, cached = 0, written = 0, output, reasoning = 0 }: Tokens): Usage {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  }
}
