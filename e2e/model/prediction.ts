import type { Who } from './stage.ts'

/** How a response is asked for, and what becomes of it by itself. */
export const KINDS = {
  json: { body: {}, words: 'chunks=3', isJob: false, end: 'completed' },
  stream: { body: { stream: true }, words: 'chunks=3', isJob: false, end: 'completed' },
  unstored: { body: { store: false }, words: 'chunks=3', isJob: false, end: 'completed' },
  job: { body: { background: true }, words: 'chunks=3', isJob: true, end: 'completed' },
  failing: { body: { background: true }, words: '400', isJob: true, end: 'failed' },
  held: { body: { background: true }, words: 'hold', isJob: true, end: 'completed' },
} as const

/** How a response is asked for. */
export type Kind = keyof typeof KINDS

/** A response, as the model knows it. */
export interface Known {
  readonly id: string
  readonly tag: string
  readonly owner: Who
  readonly kind: Kind
  readonly input: string
  /** Whether it still waits for its provider, or for a worker. */
  isHeld: boolean
  isDeleted: boolean
  /** All of it, as it was seen first after its end: from then on it is the same for everybody. */
  text: string | undefined
}

/** All that the model knows. */
export interface Model {
  readonly all: Known[]
}

/** What an answer must be: its status, and the code of its error where it is one. */
export interface Prediction {
  readonly status: number
  readonly code?: string
}

const ABSENT: Prediction = { status: 404, code: 'response_not_found' }

/** What reads and deletes are answered. */
export function predictAccess(known: Known, who: Who): Prediction {
  const isThere = known.owner === who && !known.isDeleted && known.kind !== 'unstored'
  return isThere ? { status: 200 } : ABSENT
}

/** what a cancel is answered. */
export function predictCancel(known: Known, who: Who): Prediction {
  const access = predictAccess(known, who)
  if (access.status !== 200 || KINDS[known.kind].isJob) return access
  return { status: 400, code: 'not_cancellable' }
}

/** what a request is answered that goes on with a response, or with something that is none. */
export function predictCreate(kind: Kind, previous: Known | string | undefined, who: Who): Prediction {
  const accepted = { status: KINDS[kind].isJob ? 202 : 200 }
  if (previous === undefined) return accepted
  if (typeof previous === 'string') {
    const isId = /^resp_\w+$/.test(previous)
    return isId ? { status: 404, code: 'previous_response_not_found' } : { status: 400, code: 'invalid_response_id' }
  }
  if (predictAccess(previous, who).status !== 200) return { status: 404, code: 'previous_response_not_found' }
  return previous.isHeld ? { status: 400, code: 'previous_response_not_ready' } : accepted
}

/** C-18: what a stream is answered that goes on after this. */
export function predictStream(known: Known, who: Who, after: string | undefined): Prediction {
  if (after !== undefined && !/^\d+$/.test(after)) return { status: 400, code: 'invalid_value' }
  return predictAccess(known, who)
}
