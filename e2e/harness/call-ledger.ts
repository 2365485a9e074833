/** Tokens of calls. */
export interface Tokens {
  readonly input: number
  readonly output: number
}

/**
 * What a provider knows of the calls of one tag. Each call that is received ends in one of four ways:
 * `received = refused + finished + broken + aborted + open`.
 */
export interface CallCounts {
  /** Calls whose body has come whole. */
  readonly received: number
  /** Calls whose answer has begun with status 200: from here on tokens are used. */
  readonly begun: number
  /** Calls answered with an error, or a page, and nothing else. */
  readonly refused: number
  /** Calls whose answer was handed to the system to its last byte. */
  readonly finished: number
  /** Calls whose answer, or lack of one, the script has spoilt. */
  readonly broken: number
  /** Calls whose connection was closed by the other side before their end. */
  readonly aborted: number
  /** Calls that are under way. */
  readonly open: number
  /** Of these, those that wait to be released. */
  readonly held: number
  /** What a bill would say: of every call that has begun, whether or not anybody was told. */
  readonly used: Tokens
  /** The sum of all usages that were handed to the system: the most that anybody can know. */
  readonly said: Tokens
  /** Changes whenever anything else does. */
  readonly version: number
}

/** How a call ended. */
export type CallEnd = 'refused' | 'finished' | 'broken' | 'aborted'

/** One call in the ledger. */
export interface CallRecord {
  readonly tag: string
  /** Which call of its tag, from 1. */
  readonly number: number
  begin(inputTokens: number): void
  /** One more token of output was handed over. */
  token(): void
  outputTokens(): number
  /** All that was used was said. */
  sayUsage(): void
  hold(isHeld: boolean): void
  /** Only the first end of a call counts. */
  end(how: CallEnd): void
}

/** Counts calls by tag. */
export interface CallLedger {
  receive(tag: string): CallRecord
  counts(tag: string): CallCounts
  all(): Readonly<Record<string, CallCounts>>
  /** Resolves with the counts of a tag as soon as they have another version than this. */
  newer(tag: string, version: number): Promise<CallCounts>
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

const NOTHING: CallCounts = {
  received: 0,
  begun: 0,
  refused: 0,
  finished: 0,
  broken: 0,
  aborted: 0,
  open: 0,
  held: 0,
  used: { input: 0, output: 0 },
  said: { input: 0, output: 0 },
  version: 0,
}

/** Makes a ledger that has counted nothing. */
export function createCallLedger(): CallLedger {
  const pages = new Map<string, Mutable<CallCounts>>()
  const waiting = new Map<string, Set<() => void>>()
  const counts = (tag: string): CallCounts => ({ ...(pages.get(tag) ?? NOTHING) })
  const receive = (tag: string): CallRecord => {
    const page = pages.get(tag) ?? { ...NOTHING }
    pages.set(tag, page)
    return record(tag, page, () => {
      page.version++
      const wakers = waiting.get(tag)
      waiting.delete(tag)
      for (const wake of wakers ?? []) wake()
    })
  }
  return {
    receive,
    counts,
    all: () => Object.fromEntries(Array.from(pages.keys(), (tag) => [tag, counts(tag)])),
    async newer(tag, version) {
      if (counts(tag).version === version) {
        await new Promise<void>((wake) => {
          waiting.set(tag, (waiting.get(tag) ?? new Set()).add(wake))
        })
      }
      return counts(tag)
    },
  }
}

function record(tag: string, page: Mutable<CallCounts>, changed: () => void): CallRecord {
  const used: Mutable<Tokens> = { input: 0, output: 0 }
  let isOver = false
  page.received++
  page.open++
  changed()
  return {
    tag,
    number: page.received,
    begin(inputTokens) {
      page.begun++
      used.input = inputTokens
      page.used = { ...page.used, input: page.used.input + inputTokens }
      changed()
    },
    token() {
      used.output++
      page.used = { ...page.used, output: page.used.output + 1 }
      changed()
    },
    outputTokens: () => used.output,
    sayUsage() {
      page.said = { input: page.said.input + used.input, output: page.said.output + used.output }
      changed()
    },
    hold(isHeld) {
      page.held += isHeld ? 1 : -1
      changed()
    },
    end(how) {
      if (isOver) return
      isOver = true
      page.open--
      page[how]++
      changed()
    },
  }
}
