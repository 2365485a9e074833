/** Where a test may end the process, and what has been done by then. */
export const CRASH_POINTS = {
  'start:listening': 'The port is taken; nothing of an earlier process has been taken up.',
  'start:taken-up': 'What an earlier process has left is taken up; the server says that it listens.',
  'accept:before-insert': 'A request is understood; its row has not been written.',
  'accept:after-insert': 'The row is durable; the client has not been told.',
  'binding:after-insert': 'The same, of a request with an idempotency key.',
  'job:claimed': 'A job is claimed; no call of it has been written down.',
  'job:before-send': 'The call is written down; none of its bytes has left.',
  'job:sent': 'The call has left; nothing has come back.',
  'job:first-byte': 'The first of the answer has come; nobody has been told of it.',
  'job:delta': 'A delta has been folded and told.',
  'job:before-ending': 'The model has finished; the ending has not been written.',
  'job:after-ending': 'The ending is durable; nobody has been told.',
  'stream:delta': 'A delta of a foreground stream was told, and may not be durable.',
  'stream:before-ending': 'The same as of jobs, of a foreground response.',
  'stream:after-ending': 'The same as of jobs, of a foreground response.',
  'events:after-append': 'A batch of events is durable; whoever waits for it has not been told.',
  'cancel:after-ending': 'A cancelled response is stored; the client has not been told.',
  'remove:after': 'A response is hidden; its payloads are still there, and the client has not been told.',
  'sweep:midway': 'Between two steps of forgetting.',
} as const satisfies Readonly<Record<string, string>>

/** A place at which a test may end the process. */
export type CrashPoint = keyof typeof CRASH_POINTS

/** Is called wherever one is reached; in all servers but those of tests it does nothing. */
export type Checkpoint = (point: CrashPoint) => void

/** Ends nothing. */
export const NO_CHECKPOINT: Checkpoint = () => {}

/** Ends the process when a point is reached for the nth time, from 1. */
export interface CrashPlan {
  readonly point: CrashPoint
  readonly nth: number
}

/** Reads `POINT:N`, such as `job:claimed:2`; `:1` where there is no number. Undefined where that is no point. */
export function parseCrashPlan(text: string): CrashPlan | undefined {
  const [, point = '', nth = '1'] = /^(.+?)(?::([1-9]\d{0,5}))?$/.exec(text) ?? []
  return isCrashPoint(point) ? { point, nth: Number(nth) } : undefined
}

function isCrashPoint(text: string): text is CrashPoint {
  return Object.hasOwn(CRASH_POINTS, text)
}
