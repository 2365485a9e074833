import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../src/engine/clock.ts'
import type { CallRecord } from './call-ledger.ts'
import type { Fault, FaultKind, Script } from './fault-script.ts'
import { chunk, DONE, type Answer } from './upstream.ts'

/** A call that is to be answered. */
export interface OpenCall {
  readonly script: Script
  readonly record: CallRecord
  readonly isStream: boolean
  readonly clock: Clock
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>
  /** Fires then. */
  readonly signal: AbortSignal
  /** Resolves when the calls of a tag are released that are held now. */
  released(tag: string): Promise<void>
}

/** The words of one answer, read back out of a text. */
export interface SpokenWords {
  readonly tag: string
  /** Which call of its tag it was, from 1. */
  readonly call: number
  readonly words: number
}

/**
 * Tells which call a text comes from, and how much of it is there; undefined where it is not the beginning of
 * exactly one answer: spliced, repeated, with a gap, or broken within a word.
 */
export function readWords(text: string): SpokenWords | undefined {
  const [, tag, call] = /^([\w.:-]*)-(\d+)-0 /.exec(text) ?? []
  if (tag === undefined) return undefined
  const words = text.split(' ').length - 1
  const origin = { tag, number: Number(call) }
  const expected = Array.from({ length: words }, (_, index) => wordOf(origin, index)).join('')
  return text === expected ? { tag, call: origin.number, words } : undefined
}

/** Answers a call as its script says, and records what it does. */
export async function answerOf(call: OpenCall): Promise<Answer> {
  const { script, record, isStream } = call
  const { fault } = script
  if (!(await pause(call, script.first_ms))) return NOTHING_MORE
  const isRefused = fault?.kind === 'status' && (fault.after === undefined || !isStream)
  if (isRefused || (fault === undefined && script.isPage)) {
    record.end('refused')
    return refusal(script, fault?.status ?? 200)
  }
  if (fault !== undefined && fault.after === undefined) {
    if (fault.kind === 'hang') await call.closed
    else if (fault.kind !== 'hold') record.end('broken')
    if (fault.kind !== 'hold') return { isHeadless: true, end: endOf(fault) }
    if (!(await hold(call))) return NOTHING_MORE
  }
  const type = isStream ? 'text/event-stream' : 'application/json'
  return { headers: { 'content-type': type }, more: speak(call), end: endOf(fault) }
}

/** Nobody is there any more. */
const NOTHING_MORE: Answer = { isHeadless: true, end: 'hang' }

const ENDS: Readonly<Partial<Record<FaultKind, NonNullable<Answer['end']>>>> = {
  reset: 'reset',
  cut: 'cut',
  hang: 'hang',
}

function endOf(fault: Fault | undefined): NonNullable<Answer['end']> {
  return (fault && ENDS[fault.kind]) ?? 'end'
}

/** How an answer is put on the wire. */
interface Wire {
  readonly opening: string
  word(text: string): string
  /** What stands around the text of a chunk. */
  readonly around: readonly [before: string, after: string]
  readonly garbage: string
  /** The finish, with the usage where it is told. */
  closing(usage: object | undefined): string
  readonly mark: string
}

const CUT_HERE = '|'

const STREAM: Wire = {
  opening: chunk({ role: 'assistant', content: '' }),
  word: (content) => chunk({ content }),
  around: halves(chunk({ content: CUT_HERE })),
  garbage: 'data: {"choices":[{oops\n\n',
  closing: (usage) => chunk({}, { finish_reason: 'stop', ...(usage && { usage }) }),
  mark: DONE,
}

const [WHOLE_OPENING, WHOLE_CLOSING] = halves(
  JSON.stringify({
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: CUT_HERE }, finish_reason: 'stop' }],
  }),
)

const WHOLE: Wire = {
  opening: WHOLE_OPENING,
  word: (text) => text,
  around: ['', ''],
  garbage: '\n"oops',
  closing: (usage) => `${WHOLE_CLOSING.slice(0, -1)}${usage === undefined ? '' : `,"usage":${JSON.stringify(usage)}`}}`,
  mark: '',
}

function halves(text: string): [string, string] {
  const place = text.indexOf(CUT_HERE)
  return [text.slice(0, place), text.slice(place + 1)]
}

/** Says the answer. What is recorded after a `yield` has been handed to the system. */
async function* speak(call: OpenCall): AsyncGenerator<string> {
  const { script, record, isStream } = call
  const wire = isStream ? STREAM : WHOLE
  const { fault, chunks } = script
  const spoiltAt = fault?.after === undefined ? undefined : Math.min(fault.after, chunks)
  record.begin(script.inputTokens)
  yield wire.opening
  for (let index = 0; index <= chunks; index++) {
    if (fault !== undefined && index === spoiltAt && !(yield* spoil(call, fault.kind, index))) return
    if (index === chunks) break
    if (index > 0 && !(await pause(call, script.pace_ms))) return
    yield wire.word(wordOf(record, index))
    record.token()
  }
  yield wire.closing(script.saysUsage ? usageOf(script.inputTokens, record.outputTokens()) : undefined)
  if (script.saysUsage) record.sayUsage()
  if (wire.mark !== '') yield wire.mark
  record.end('finished')
}

/** Lets go wrong what shall. @returns whether the answer goes on after it. */
async function* spoil(call: OpenCall, kind: FaultKind, index: number): AsyncGenerator<string, boolean> {
  const { script, record, isStream } = call
  const wire = isStream ? STREAM : WHOLE
  switch (kind) {
    case 'hold':
      return hold(call)
    case 'garbage':
      yield wire.garbage
      return true
    case 'line':
      yield* longLine(wire, script.size_bytes)
      record.token()
      return true
    case 'hang':
      await call.closed
      return false
    case 'loris':
    case 'endless':
      yield* forEver(call, { wire, index, isByByte: kind === 'loris' })
      return false
    case 'status':
      yield `data: ${JSON.stringify(problem(script.fault?.status ?? 500))}\n\n`
      break
    case 'reset':
    case 'cut':
    case 'eof':
  }
  record.end('broken')
  return false
}

async function* forEver(
  call: OpenCall,
  from: { wire: Wire; index: number; isByByte: boolean },
): AsyncGenerator<string, void> {
  const { script, record } = call
  for (let { index } = from; ; index++) {
    const frame = from.wire.word(wordOf(record, index))
    for (const piece of from.isByByte ? frame : [frame]) {
      if (!(await pause(call, script.pace_ms))) return
      yield piece
    }
    record.token()
  }
}

const LINE_PIECE_BYTES = 65_536

async function* longLine({ around: [before, after] }: Wire, size_bytes: number): AsyncGenerator<string, void> {
  yield before
  for (let left = size_bytes - before.length - after.length; left > 0; left -= LINE_PIECE_BYTES) {
    yield 'x'.repeat(Math.min(left, LINE_PIECE_BYTES))
    await nextTurn()
  }
  yield after
}

/** @returns whether there is still somebody to talk to. */
async function pause({ clock, signal }: OpenCall, ms: number): Promise<boolean> {
  const waiting = ms === 0 ? nextTurn(true) : clock.sleep(ms, signal)
  return waiting.then(
    () => !signal.aborted,
    () => false,
  )
}

/** @returns whether there is still somebody to talk to. */
async function hold({ record, closed, signal, released }: OpenCall): Promise<boolean> {
  const release = released(record.tag)
  record.hold(true)
  await Promise.race([release, closed])
  record.hold(false)
  return !signal.aborted
}

/** Names its call and its place, so that a reader sees where an answer was spliced, or lacks something. */
function wordOf({ tag, number }: { tag: string; number: number }, index: number): string {
  return `${tag}-${number}-${index} `
}

function usageOf(input: number, output: number): object {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}

function problem(status: number): object {
  return { error: { message: `The script says ${status}.`, type: 'scripted', code: status } }
}

function refusal({ isPage, retryAfter }: Script, status: number): Answer {
  const body = isPage ? '<!doctype html><title>A page</title>' : JSON.stringify(problem(status))
  return {
    status,
    headers: {
      'content-type': isPage ? 'text/html' : 'application/json',
      ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
    },
    chunks: [body],
  }
}
