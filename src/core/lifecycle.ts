import { isTerminal, type ResponseStatus, type TerminalStatus } from '../protocol/response.ts'
import { unreachable } from './unreachable.ts'

/**
 * Where a stored response stands: all that decides what may become of it. Stores load it, and write the next one where
 * nobody has been faster (`version`); what is lawful is decided here, for all of them.
 */
export interface Lifecycle {
  readonly status: ResponseStatus
  readonly background: boolean
  /** Raised by every change but a longer lease. Whoever changes a response says which version it has seen. */
  readonly version: number
  /** The fence, raised by every claim: only the holder of the current attempt may end what it works on. */
  readonly attempt: number
  /** Attempts whose process went without a word. */
  readonly crashes: number
  /** The process that works on it; empty where one has given it back. */
  readonly leaseOwner: string
  /** Unix time in milliseconds by the store's clock; 0 where nothing is leased. Foreground has its process's lease. */
  readonly leaseUntil_ms: number
  readonly isDeleted: boolean
}

/** What can be done with a stored response. */
export type Command =
  /** A worker takes a job that waits, or whose worker is gone. */
  | { readonly type: 'claim'; readonly owner: string; readonly now_ms: number; readonly lease_ms: number }
  /** A worker is still there. */
  | { readonly type: 'extend'; readonly owner: string; readonly now_ms: number; readonly lease_ms: number }
  /** A worker gives its job back: its process stops. */
  | { readonly type: 'release'; readonly attempt: number }
  /** The holder of an attempt ends the response. */
  | { readonly type: 'end'; readonly attempt: number; readonly status: TerminalStatus }
  /** Anybody ends a response that nobody works on any more, or that is not to be worked on. */
  | { readonly type: 'close'; readonly status: 'cancelled' | 'failed' }
  /** Somebody is about to close what another process may still work on: from now on that one can keep nothing more. */
  | { readonly type: 'seize' }
  | { readonly type: 'remove' }

/** A response as it is accepted. */
export function accepted(background: boolean, owner: string): Lifecycle {
  return {
    status: background ? 'queued' : 'in_progress',
    background,
    version: 0,
    attempt: 0,
    crashes: 0,
    leaseOwner: owner,
    leaseUntil_ms: 0,
    isDeleted: false,
  }
}

/**
 * What a command makes of a response. Pure.
 *
 * @returns undefined where the command is refused: nothing changes.
 */
export function transition(state: Lifecycle, command: Command): Lifecycle | undefined {
  const next = proceed(state, command)
  if (next !== undefined) checkStep(state, next)
  return next
}

/** Whether a worker may claim a response. */
export function isDue(state: Lifecycle, now_ms: number): boolean {
  return state.background && !state.isDeleted && !isTerminal(state.status) && state.leaseUntil_ms <= now_ms
}

function proceed(state: Lifecycle, command: Command): Lifecycle | undefined {
  if (state.isDeleted) return undefined
  switch (command.type) {
    case 'claim':
      return isDue(state, command.now_ms) ? claimed(state, command) : undefined
    case 'extend':
      return isHeldBy(state, command.owner) ? { ...state, leaseUntil_ms: command.now_ms + command.lease_ms } : undefined
    case 'release':
      return state.status === 'in_progress' && state.background && state.attempt === command.attempt
        ? { ...changed(state), leaseOwner: '', leaseUntil_ms: 0 }
        : undefined
    case 'end':
      return state.status === 'in_progress' && state.attempt === command.attempt
        ? { ...changed(state), status: command.status, leaseUntil_ms: 0 }
        : undefined
    case 'close':
      return isTerminal(state.status) ? undefined : { ...changed(state), status: command.status, leaseUntil_ms: 0 }
    case 'seize':
      // A job comes back to the queue where nobody closes it; in the foreground, anybody may.
      return state.status === 'in_progress'
        ? { ...changed(state), attempt: state.attempt + 1, leaseOwner: '' }
        : undefined
    case 'remove':
      return { ...changed(state), isDeleted: true }
    default:
      return unreachable(command)
  }
}

/** A job that is claimed again was lost with its worker, unless the worker has given it back. */
function claimed(state: Lifecycle, { owner, now_ms, lease_ms }: Extract<Command, { type: 'claim' }>): Lifecycle {
  const isLost = state.status === 'in_progress' && state.leaseOwner !== ''
  return {
    ...changed(state),
    status: 'in_progress',
    attempt: state.attempt + 1,
    crashes: state.crashes + Number(isLost),
    leaseOwner: owner,
    leaseUntil_ms: now_ms + lease_ms,
  }
}

function isHeldBy({ status, background, leaseOwner }: Lifecycle, owner: string): boolean {
  return background && status === 'in_progress' && leaseOwner === owner
}

function changed(state: Lifecycle): Lifecycle {
  return { ...state, version: state.version + 1 }
}

/** Whether a status may follow another one. */
const MAY_FOLLOW: Readonly<Record<ResponseStatus, ReadonlySet<ResponseStatus>>> = {
  queued: new Set(['queued', 'in_progress', 'cancelled', 'failed']),
  in_progress: new Set(['in_progress', 'completed', 'incomplete', 'failed', 'cancelled']),
  completed: new Set(['completed']),
  incomplete: new Set(['incomplete']),
  failed: new Set(['failed']),
  cancelled: new Set(['cancelled']),
}

/**
 * What holds for every step, whichever command makes it: statuses never go back, what has ended stays as it is, and
 * versions, fences and deletions only ever rise.
 *
 * @throws It does not: a fault of ours, and nothing is written.
 */
export function checkStep(before: Lifecycle, after: Lifecycle): void {
  const isLawful =
    MAY_FOLLOW[before.status].has(after.status) &&
    before.background === after.background &&
    after.version >= before.version &&
    after.attempt >= before.attempt &&
    after.crashes >= before.crashes &&
    !(before.isDeleted && !after.isDeleted) &&
    (after.version > before.version || sameButLease(before, after))
  if (!isLawful) throw new Error(`A response cannot go from ${before.status} to ${after.status}.`)
}

function sameButLease(before: Lifecycle, after: Lifecycle): boolean {
  return (
    before.status === after.status &&
    before.attempt === after.attempt &&
    before.leaseOwner === after.leaseOwner &&
    before.isDeleted === after.isDeleted
  )
}
