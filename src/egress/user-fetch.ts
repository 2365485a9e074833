import { connect } from 'node:net'
import type { Fetched, FetchKind, UserFetcher } from '../core/fetcher.ts'
import { createFetchBudget, type Share } from './fetch-budget.ts'
import { faultAnswer, FetchFault } from './fetch-fault.ts'
import { mediaTypeOf } from './media-type.ts'
import { openResolver } from './resolver.ts'
import { ask, locationOf, readBody } from './user-answer.ts'
import { openUserSocket, type Means } from './user-socket.ts'
import { readRedirect, readUserUrl } from './user-url.ts'

/** How much a URL of a user may cost. */
export interface UserFetchLimits {
  /** Longest body. */
  readonly bytesMax: number
  /** Time to wait for a turn where too many fetch already. */
  readonly turn_ms: number
  /** Time for one fetch, redirects and body included. */
  readonly total_ms: number
  /** Time for one connection, look-up included, and then for the head of the answer. */
  readonly step_ms: number
  readonly redirectsMax: number
  /** Fetches at the same time, of the whole process. */
  readonly fetchesMax: number
  /** Bytes in memory of all bodies that are still coming. */
  readonly heldBytesMax: number
}

/** The limits where none are given. */
export const USER_FETCH_LIMITS: UserFetchLimits = {
  bytesMax: 20_000_000,
  turn_ms: 10_000,
  total_ms: 30_000,
  step_ms: 10_000,
  redirectsMax: 3,
  fetchesMax: 256,
  heldBytesMax: 256 * 1024 * 1024,
}

/** What the operator says. */
export interface UserFetchOptions {
  /** Origins that users may reach although they are private, on other ports or without TLS. */
  readonly allow: readonly string[]
  /** `IP:PORT` of a DNS server; undefined for that of the system. */
  readonly resolver: string | undefined
  readonly limits?: Partial<UserFetchLimits>
}

/** What the outside is reached by; tests bring their own. */
export interface Outside extends Means {
  /** Does something after a while, unless what it returns is called before. */
  readonly after: (ms: number, act: () => void) => () => void
}

/**
 * Opens the way out for URLs that users give: to the public Internet and the origins that the operator allows, and
 * nowhere else. Every fetch has a connection of its own: nothing is shared with the providers'.
 */
export function openUserFetcher(options: UserFetchOptions, outside: Partial<Outside> = {}): UserFetcher {
  const limits = { ...USER_FETCH_LIMITS, ...options.limits }
  const allowed = options.allow.map((origin) => new URL(origin))
  const fetching: Fetching = {
    limits,
    allowed: new Set(allowed.map(({ origin }) => origin)),
    outside: {
      resolve: openResolver({
        server: options.resolver,
        localNames: new Set(allowed.map(({ hostname }) => hostname)),
      }),
      connect,
      ca: undefined,
      after: startTimer,
      ...outside,
    },
  }
  const budget = createFetchBudget({ fetchesMax: limits.fetchesMax, bytesMax: limits.heldBytesMax })
  return {
    async fetch(text, wanted, signal) {
      signal.throwIfAborted()
      const patience = startPatience(signal, fetching.outside)
      try {
        const url = readUserUrl(text, fetching.allowed)
        const share = await patience.within(limits.turn_ms, () => budget.enter(patience.signal))
        const job = { ...fetching, wanted, patience, share }
        return await patience.within(limits.total_ms, () => follow(url, job)).finally(() => share.leave())
      } catch (error) {
        signal.throwIfAborted()
        throw answerOf(error, { wanted, patience })
      } finally {
        patience.end()
      }
    },
  }
}

/** What all fetches share. */
interface Fetching {
  readonly limits: UserFetchLimits
  readonly allowed: ReadonlySet<string>
  readonly outside: Outside
}

/** One fetch. */
interface Job extends Fetching {
  readonly wanted: FetchKind
  readonly patience: Patience
  readonly share: Share
}

/** How long one fetch is waited for. */
interface Patience {
  /** Fires when some time is over, and when whoever fetches has no more use for it. */
  readonly signal: AbortSignal
  /** Gives something its time. */
  within<Value>(ms: number, act: () => Promise<Value>): Promise<Value>
  end(): void
}

function startPatience(outer: AbortSignal, { after }: Outside): Patience {
  const control = new AbortController()
  const cancel = () => control.abort(outer.reason)
  outer.addEventListener('abort', cancel, { once: true })
  return {
    signal: control.signal,
    within(ms, act) {
      const giveUp = () => control.abort(new FetchFault(`must lead to something within ${ms} ms`))
      return act().finally(after(ms, giveUp))
    },
    end: () => outer.removeEventListener('abort', cancel),
  }
}

/** A failure as the client is told of it. What is no fault of a fetch is one of the program. */
function answerOf(error: unknown, { wanted, patience }: Pick<Job, 'wanted' | 'patience'>): unknown {
  if (!(error instanceof FetchFault)) return error
  const reason: unknown = patience.signal.reason
  return faultAnswer(reason instanceof FetchFault && !error.isOurs ? reason : error, wanted)
}

async function follow(first: URL, job: Job): Promise<Fetched> {
  let url = first
  for (let redirects = 0; redirects <= job.limits.redirectsMax; redirects++) {
    const found = await get(url, job)
    if (!(found instanceof URL)) return found
    url = found
  }
  throw new FetchFault(`is redirected more than ${job.limits.redirectsMax} times`)
}

/** Asks one server: for what is wanted, or where else it is. */
async function get(url: URL, job: Job): Promise<Fetched | URL> {
  const { wanted, allowed, outside, patience, share, limits } = job
  const { signal } = patience
  const goal = { url, isAllowed: allowed.has(url.origin), signal }
  const socket = await patience.within(limits.step_ms, () => openUserSocket(goal, outside))
  try {
    const answer = await patience.within(limits.step_ms, () => ask(socket, { url, wanted, signal }))
    const location = locationOf(answer)
    if (location !== undefined) return readRedirect(location, url, allowed)
    const bytes = await readBody(answer, { bytesMax: limits.bytesMax, share, signal })
    return { mediaType: mediaTypeOf(bytes, wanted), bytes }
  } finally {
    socket.destroy()
  }
}

function startTimer(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, ms)
  return () => clearTimeout(timer)
}
