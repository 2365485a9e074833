import type { Usage } from '../protocol/usage.ts'

/**
 * A call of a model, as it is recorded with its response. Whatever is paid for a response is a call in its records:
 * for jobs each is written before it is sent.
 */
export interface CallRecord {
  /** The attempt of the response that made it: 0 in the foreground. */
  readonly attempt: number
  /** The provider's name in the configuration. */
  readonly provider: string
  /** The model's name there. */
  readonly model: string
  /**
   * How far it has come: it may have been sent, its first event has come, it has ended well, or it has failed. What
   * stays `sent` or `begun` was lost with its process.
   */
  readonly state: 'sent' | 'begun' | 'done' | 'failed'
  /** What the provider has reported; null where it is unknown. */
  readonly usage: Usage | null
}

/** The records of one response, oldest first. */
export type CallRecords = readonly CallRecord[]

/** Adds a call that is about to be sent. */
export function callSent(calls: CallRecords, call: Pick<CallRecord, 'attempt' | 'provider' | 'model'>): CallRecords {
  return [...calls, { ...call, state: 'sent', usage: null }]
}

/** What has become of the latest call. */
export function callIs(calls: CallRecords, state: CallRecord['state'], usage: Usage | null = null): CallRecords {
  const last = calls.at(-1)
  return last === undefined ? calls : [...calls.slice(0, -1), { ...last, state, usage: usage ?? last.usage }]
}
