import { ApiError, type ErrorDetail } from '../protocol/error.ts'
import type { AccountId, ResponseId } from '../protocol/id.ts'
import type { Bound, JsonText, NewBinding, Store } from '../store/store.ts'
import type { Clock } from './clock.ts'
import type { Live } from './live.ts'
import { keyReused } from './problems.ts'
import { createRegistry } from './registry.ts'
import type { Run } from './run.ts'

/** By what a request is known when it comes again. */
export interface Submission {
  /**
   * `keyed`: the client has named it. `first`: its SDK tries it for the first time, whatever was sent before it is
   * another request. `retry`: its SDK tries again what it has sent a moment ago.
   */
  readonly kind: 'keyed' | 'first' | 'retry'
  /** Names it within its account. */
  readonly key: string
  /** Tells whether it is the same request. */
  readonly bodyHash: string
}

/** A request that came before: its run, where this process has one, else its stored response. */
export type Joined =
  | { readonly kind: 'running'; readonly run: Run }
  | { readonly kind: 'stored'; readonly id: ResponseId }

/** How long the same request is the same, in seconds, by the kind that binds it. */
export const BOUND_S = { keyed: 86_400, first: 60, retry: 60 } as const satisfies Record<Submission['kind'], number>

/** How long an answer that is not stored can be given again, in milliseconds after its end. */
const UNSTORED_MS = 60_000

/** Most runs without a row that are remembered. */
const UNSTORED_MAX = 1000

/** A run without a row, and until when its answer can be given again. */
interface Unstored {
  readonly bodyHash: string
  readonly run: Run
  until_ms: number
}

/** What joining needs. */
export interface JoiningParts {
  readonly store: Store
  readonly live: Live
  readonly clock: Clock
}

/** What is known of requests that may come again. */
export interface Joining {
  /**
   * Makes something of a request, unless it has come before. Of several that come at once one is made, the others
   * join it.
   *
   * @throws {ApiError} 422 where the key names another request; what the request was refused with, where it was.
   */
  once<Made>(account: AccountId, submission: Submission, make: () => Promise<Made>): Promise<Made | Joined>
  /** What a key stands for by now. @throws {ApiError} as `once` does. */
  join(bound: Bound, submission: Submission): Joined
  /** Remembers a run that is not stored. */
  remember(account: AccountId, submission: Submission, run: Run): void
}

/** The binding of a new response. */
export function bindingOf({ kind, key, bodyHash }: Submission, now_ms: number): NewBinding {
  return { key, bodyHash, expiresAt: Math.ceil(now_ms / 1000) + BOUND_S[kind], isFresh: kind === 'first' }
}

/**
 * What becomes of a key where its request is answered with an error: one that says to try again releases it, any other
 * is what the request is answered with from then on.
 */
export function refusalOf(error: ApiError): JsonText | undefined {
  const isTransient = error.status === 408 || error.status === 409 || error.status === 429 || error.status >= 500
  if (isTransient && error.headers['x-should-retry'] !== 'false') return undefined
  const refusal: Refusal = { status: error.status, error: error.toDetail(), headers: error.headers }
  return JSON.stringify(refusal)
}

interface Refusal {
  readonly status: number
  readonly error: ErrorDetail
  readonly headers: Readonly<Record<string, string>>
}

/** Makes the place where requests meet that are one. */
export function createJoining({ store, live, clock }: JoiningParts): Joining {
  const making = createRegistry<string, Promise<unknown>>()
  const unstored = new Map<string, Unstored>()
  const nameOf = (account: AccountId, { key }: Submission) => `${account}\n${key}`

  const join = ({ bodyHash, responseId: id, refusal }: Bound, submission: Submission): Joined => {
    if (bodyHash !== submission.bodyHash) throw keyReused()
    if (refusal !== undefined) throw readRefusal(refusal)
    const run = live.get(id)?.run
    const isWaitedFor = run?.snapshot().background === false
    return isWaitedFor ? { kind: 'running', run } : { kind: 'stored', id }
  }

  const find = async (account: AccountId, submission: Submission): Promise<Joined | undefined> => {
    const known = unstored.get(nameOf(account, submission))
    if (known !== undefined && clock.now() < known.until_ms) {
      if (known.bodyHash !== submission.bodyHash) throw keyReused()
      return { kind: 'running', run: known.run }
    }
    const bound = await store.forAccount(account).findBinding(submission.key)
    return bound && join(bound, submission)
  }

  return {
    join,

    async once(account, submission, make) {
      const name = nameOf(account, submission)
      while (submission.kind !== 'first' && making.get(name) !== undefined) await making.get(name)?.catch(() => {})
      const made = (async () => (submission.kind === 'first' ? undefined : await find(account, submission)) ?? make())()
      making.set(name, made)
      try {
        return await made
      } finally {
        if (making.get(name) === made) making.delete(name)
      }
    },

    remember(account, submission, run) {
      for (const [name, { until_ms }] of unstored) {
        if (until_ms > clock.now() && unstored.size < UNSTORED_MAX) break // The oldest stand first.
        unstored.delete(name)
      }
      const entry: Unstored = { bodyHash: submission.bodyHash, run, until_ms: Number.POSITIVE_INFINITY }
      unstored.set(nameOf(account, submission), entry)
      void run.ended.then(({ status }) => {
        const isAnswered = status === 'completed' || status === 'incomplete'
        entry.until_ms = isAnswered ? clock.now() + UNSTORED_MS : 0 // What has failed may be tried again.
      })
    },
  }
}

function readRefusal(text: JsonText): ApiError {
  const { status, error, headers } = JSON.parse(text) as Refusal // Written by this program.
  return new ApiError({ ...error, status, headers })
}
