/**
 * The language in which a prompt tells the fault upstream what to do:
 *
 * ```
 * Say something. [tag:abc] [do: 503 retry-after=1 | chunks=5 reset@2 | chunks=8 pace=10]
 * ```
 *
 * `[tag:…]` names whom the call is counted for: up to 64 letters, digits and `_ . : -`. `[do: …]` has one part for
 * each call of that tag, between `|`; the last part is for all further calls. Where a thread holds several, the last
 * one counts. Without `[do: …]`, three chunks are said at once. An unknown word is answered with status 400.
 *
 * How it speaks, wherever nothing goes wrong:
 *
 * | Word             | Meaning                                                                                |
 * | ---------------- | -------------------------------------------------------------------------------------- |
 * | `chunks=N`       | Says N chunks of text, an output token each: 3. Then the finish and the usage.         |
 * | `pace=MS`        | Waits so long between two chunks: 0.                                                   |
 * | `first=MS`       | Waits so long before the head of the answer: 0.                                        |
 * | `input=N`        | Says that the prompt was N tokens: 5.                                                  |
 * | `usage=none`     | Says nothing of usage, though it has used tokens.                                      |
 *
 * What goes wrong, one fault in a part. `@N` is after N chunks, at most all of them, before the finish; without it
 * the fault comes before the head of the answer, or, where it is made of the answer's text, as `@0`:
 *
 * | Word             | Meaning                                                                                |
 * | ---------------- | -------------------------------------------------------------------------------------- |
 * | `503`, `429@2`   | Answers with this status, 400 to 599; `@N`: with an error object inside the stream.    |
 * | `reset`          | Resets the connection.                                                                 |
 * | `cut`            | Closes the connection, in the middle of the body.                                      |
 * | `eof`            | Ends the body properly, without finish, usage and end mark.                            |
 * | `hang`           | Says nothing more, for ever.                                                           |
 * | `hold`           | Says nothing more until it is released, and then the rest.                             |
 * | `garbage`        | Says something that is no JSON, and then the rest.                                     |
 * | `line`           | Says one more chunk in a line of `size=BYTES` (50,000,000), and then the rest.         |
 * | `loris`          | Goes on for ever, a byte every `pace=MS`, 1000 where absent.                           |
 * | `endless`        | Goes on for ever, chunk after chunk at its pace.                                       |
 *
 * | Word             | Meaning                                                                                |
 * | ---------------- | -------------------------------------------------------------------------------------- |
 * | `retry-after=V`  | A header of an error's answer; `"…"` around a value with spaces.                       |
 * | `page`           | An error's answer is an HTML page; without a status, a page with status 200.           |
 *
 * A whole answer is the same, its JSON said piece by piece; only an error object cannot stand inside it, so that
 * `503@2` is `503` there.
 */

/** What goes wrong. */
export type FaultKind = (typeof FAULTS)[number]

/** What the fault upstream does in one call. */
export interface Script {
  readonly chunks: number
  readonly pace_ms: number
  readonly first_ms: number
  readonly inputTokens: number
  readonly saysUsage: boolean
  /** Bytes of the long line. */
  readonly size_bytes: number
  readonly retryAfter: string | undefined
  readonly isPage: boolean
  readonly fault: Fault | undefined
}

/** One thing that goes wrong. */
export interface Fault {
  readonly kind: FaultKind
  /** Of an error. */
  readonly status: number
  /** After how many chunks; undefined before the head of the answer. */
  readonly after: number | undefined
}

const FAULTS = ['status', 'reset', 'cut', 'eof', 'hang', 'hold', 'garbage', 'line', 'loris', 'endless'] as const

/** Those that are made of the answer's text: they are never before its head. */
const IN_TEXT: ReadonlySet<FaultKind> = new Set(['eof', 'garbage', 'line', 'loris', 'endless'])

const DEFAULT: Script = {
  chunks: 3,
  pace_ms: 0,
  first_ms: 0,
  inputTokens: 5,
  saysUsage: true,
  size_bytes: 50_000_000,
  retryAfter: undefined,
  isPage: false,
  fault: undefined,
}

const LORIS_PACE_MS = 1000

/** A mistake in a script: a word that is unknown, or has a wrong value. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
}

/** The tag that a prompt bears; empty where it has none. */
export function findTag(prompt: string): string {
  return lastOf(prompt, /\[tag:([\w.:-]{1,64})\]/g) ?? ''
}

/** The words of a prompt's script; empty where it has none. */
export function findWords(prompt: string): string {
  return lastOf(prompt, /\[do:([^\]]*)\]/g) ?? ''
}

/** All texts of a call's messages, one after the other. */
export function promptOf(body: Readonly<Record<string, unknown>> | undefined): string {
  return textsIn(body?.['messages']).join('\n')
}

/** What a script says for the nth call, from 1. @throws {ScriptError} */
export function parseScript(words: string, call: number): Script {
  const parts = words.split('|').map(parsePart)
  return parts[Math.min(call, parts.length) - 1] ?? DEFAULT
}

function parsePart(words: string): Script {
  const changes = (words.match(/(?:[^\s"]|"[^"]*")+/g) ?? []).map(readWord)
  const faults = changes.filter(({ fault }) => fault !== undefined)
  if (faults.length > 1) throw new ScriptError(`There may be one fault in a part: ${words.trim()}.`)
  const script: Script = Object.assign({}, DEFAULT, ...changes)
  const isSlow = script.fault?.kind === 'loris' && script.pace_ms === 0
  return isSlow ? { ...script, pace_ms: LORIS_PACE_MS } : script
}

/** Words that have a value. */
const VALUES: Readonly<Record<string, (value: string) => Partial<Script> | undefined>> = {
  chunks: (value) => counted(value, (chunks) => ({ chunks })),
  pace: (value) => counted(value, (pace_ms) => ({ pace_ms })),
  first: (value) => counted(value, (first_ms) => ({ first_ms })),
  input: (value) => counted(value, (inputTokens) => ({ inputTokens })),
  size: (value) => counted(value, (size_bytes) => ({ size_bytes })),
  usage: (value) => (value === 'none' ? { saysUsage: false } : undefined),
  'retry-after': (value) => ({ retryAfter: value.replaceAll('"', '') }),
}

function readWord(word: string): Partial<Script> {
  const [, name = '', value] = /^([a-z-]+)=(.+)$/.exec(word) ?? []
  const change = value === undefined ? readFault(word) : VALUES[name]?.(value)
  if (change === undefined) throw new ScriptError(`No word of the fault upstream's language: ${word}.`)
  return change
}

function readFault(word: string): Partial<Script> | undefined {
  if (word === 'page') return { isPage: true }
  const [, name = '', place] = /^(\w+)(?:@(\d+))?$/.exec(word) ?? []
  const isStatus = /^[45]\d\d$/.test(name)
  const kind = isStatus ? 'status' : FAULTS.find((fault) => fault !== 'status' && fault === name)
  if (kind === undefined) return undefined
  const after = place === undefined ? (IN_TEXT.has(kind) ? 0 : undefined) : Number(place)
  return { fault: { kind, status: isStatus ? Number(name) : 200, after } }
}

function counted(value: string, change: (count: number) => Partial<Script>): Partial<Script> | undefined {
  return /^\d{1,9}$/.test(value) ? change(Number(value)) : undefined
}

function lastOf(text: string, pattern: RegExp): string | undefined {
  return Array.from(text.matchAll(pattern), ([, found]) => found).at(-1)
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}
