import type { ModelCall } from '../core/model-call.ts'
import type { JsonObject } from '../protocol/json.ts'
import type { PreparedCall } from './adapter.ts'
import { HttpCall, type AnswerReader, type Wire } from './exchange.ts'
import type { SettledCall } from './fields.ts'

/** What the reader of an answer is told. */
export interface ReaderOptions {
  /** Begins the ids of calls that came without one. */
  readonly callIdPrefix: string
  /** Strings that no message may show. */
  readonly secrets: readonly string[]
}

/** A provider to which every call is posted at one path. */
export interface Posted {
  readonly wire: Wire
  /** Below the base URL. */
  readonly path: string
  /** Leaves out what the provider lacks: see `fields.ts`. */
  readonly filter: (call: ModelCall) => SettledCall
  /** Translates what is left. */
  build(call: ModelCall): { readonly body: JsonObject; readonly warnings: readonly string[] }
  createReader(options: ReaderOptions): AnswerReader
}

/**
 * Prepares a call to such a provider.
 *
 * @throws {ApiError} 400 for what the provider cannot do and must not be dropped.
 */
export function preparePosted(posted: Posted, call: ModelCall): PreparedCall {
  const { wire, path } = posted
  const settled = posted.filter(call)
  const { body, warnings } = posted.build(settled.call)
  return new HttpCall(wire, {
    path,
    warnings: [...settled.warnings, ...warnings],
    body: JSON.stringify(body),
    isStreamed: call.canStream,
    createReader: readerMaker(posted, call.callIdPrefix),
  })
}

/** A function of its own: what it returns is kept while the provider is silent, and must not hold the call. */
function readerMaker(posted: Posted, callIdPrefix: string): () => AnswerReader {
  return () => posted.createReader({ callIdPrefix, secrets: posted.wire.endpoint.secrets })
}
