import type { JsonValue } from '../protocol/json.ts'
import type { AnyObject } from '../protocol/optional.ts'
import type { ModelCall } from '../core/model-call.ts'
import type { ModelEvent } from '../core/model-event.ts'
import type { Take } from '../core/flow.ts'
import type { ContentTable } from './content.ts'

/** How long a provider may take, in milliseconds. */
export interface UpstreamTimeouts {
  readonly connect_ms: number
  /** From the request's last byte to the answer's first. */
  readonly firstByte_ms: number
  /** Between two reads of the answer. */
  readonly idle_ms: number
}

/** A call translated to one provider's words, ready to be sent. */
export interface PreparedCall {
  /** What the provider cannot take and was left out: for the `antiphon-warnings` header. */
  readonly warnings: readonly string[]
  /**
   * Sends the call and says what the provider says, one batch per read, as soon as it is read.
   *
   * The first batch is empty and means that the provider has accepted the call. Resolves after `finish`. Whoever
   * asks for time is waited for, before the end too.
   *
   * @param say Never throws or rejects: whoever wants no more aborts the signal.
   * @throws {UpstreamError} It refused, broke off, or does not speak its protocol.
   * @throws The signal's reason, where it was aborted.
   */
  send(signal: AbortSignal, say: Take<readonly ModelEvent[]>): Promise<void>
  /** It will not be sent again: the text of it, which may be long, is not needed for what its answer still brings. */
  letGo?(): void
}

/** One configured provider: speaks one wire, knows one base URL and key. */
export interface Adapter {
  /** The provider's name in the configuration: the origin of reasoning state. */
  readonly id: string
  /** Which model names are known to be this provider's, such as `gpt-*`. */
  readonly families: RegExp | undefined
  /** What becomes of images and files: what it says is to be fetched comes to `prepare` as data URLs. */
  readonly content: ContentTable
  /**
   * Whether the provider itself keeps a model to a JSON schema; `in part` where it takes the schema and does not
   * enforce all of it.
   *
   * @param hasTools Tools are offered too: some providers take only one of the two at a time.
   * @param schema Absent for a schema of which everything is enforced that can be.
   */
  takesSchemas(model: string, hasTools?: boolean, schema?: AnyObject): boolean | 'in part'
  /**
   * Translates a call. Deterministic: the same call gives the same bytes.
   *
   * @throws {ApiError} 400 for what the provider cannot do and must not be dropped.
   */
  prepare(call: ModelCall): PreparedCall
  /** Names of the models that the provider offers; empty where it cannot say. */
  listModels(signal: AbortSignal): Promise<readonly string[]>
  /** Present where the provider speaks Chat Completions: passes a body on as it is. */
  readonly chat?: ChatPassThrough
}

/** The provider's raw answer to a passed-on call: a success. */
export interface RawAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: AsyncIterable<Uint8Array>
}

/** Chat Completions, passed on with only the model's name changed. */
export interface ChatPassThrough {
  /** @throws {UpstreamError} The provider cannot be reached, or answers with anything but a success. */
  send(body: Readonly<Record<string, JsonValue>>, signal: AbortSignal): Promise<RawAnswer>
}
