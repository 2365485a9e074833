import { isDeepStrictEqual } from 'node:util'

/** What is read of an event. */
interface Told {
  readonly type: string
  readonly sequence_number: number
  readonly output_index?: number
  readonly delta?: string
  readonly item?: object
  readonly response?: Snapshot
}

/** What is read of a response. */
export interface Snapshot {
  readonly id: string
  readonly status: string
  readonly background?: boolean
  readonly error?: { readonly message: string } | null
  readonly usage?: { readonly input_tokens: number; readonly output_tokens: number } | null
  readonly output: readonly { readonly type: string; readonly content?: readonly { readonly text?: string }[] }[]
}

const TERMINAL = /^response\.(?:completed|incomplete|failed)$/

/** What may follow where the durable part of a stream was shorter than what was heard: its ending, and no more words. */
const ENDING = /^(?:error|response\.(?:[\w.]+\.done|failed|incomplete))$/

/** The text of a response. */
export function textOf({ output }: Snapshot): string {
  return output.flatMap(({ content }) => (content ?? []).map(({ text }) => text ?? '')).join('')
}

/** Whether an event's data ends a stream. */
export function isTerminalEvent(data: string): boolean {
  return TERMINAL.test(parse(data).type)
}

/** The snapshot that an event bears. */
export function snapshotIn(data: string): Snapshot | undefined {
  return parse(data).response
}

/** What is wrong with the numbers of events that follow one another; undefined where nothing is. */
export function numberFault(events: readonly string[], first: number): string | undefined {
  const index = events.findIndex((data, place) => parse(data).sequence_number !== first + place)
  return index < 0 ? undefined : `event ${first + index} bears number ${parse(events[index] ?? '').sequence_number}`
}

/** What is wrong with a stream that was heard from its beginning to its end; undefined where nothing is. */
export function foldFault(events: readonly string[]): string | undefined {
  const told = events.map(parse)
  const last = told.at(-1)
  if (last?.response === undefined || !TERMINAL.test(last.type)) return `it ends with ${last?.type}`
  const { status, output } = last.response
  const name = status === 'cancelled' ? 'incomplete' : status // There is no event of that name.
  if (last.type !== `response.${name}`) return `${last.type} bears a response that is ${status}`
  const items: object[] = []
  for (const { type, output_index = 0, item } of told) {
    if (type === 'response.output_item.done' && item !== undefined) items[output_index] = item
  }
  if (!isDeepStrictEqual(items, output)) return 'its items are not those of the response it ends with'
  return deltasOf(told) === textOf(last.response) ? undefined : 'its deltas are not the text it ends with'
}

function deltasOf(told: readonly Told[]): string {
  return told.map(({ type, delta }) => (type === 'response.output_text.delta' ? delta : '')).join('')
}

/**
 * What a stream has said before an end that bears less of it: its process stood still, and another one has ended the
 * response with what was kept. Undefined where it ends in any other way.
 */
export function saidBeyondEnd(events: readonly string[]): readonly string[] | undefined {
  const told = events.map(parse)
  const last = told.at(-1)
  if (last?.response === undefined || last.type !== 'response.failed' || foldFault(events) === undefined)
    return undefined
  return deltasOf(told).startsWith(textOf(last.response)) ? withoutEnding(events) : undefined
}

function withoutEnding(events: readonly string[]): readonly string[] {
  return events.slice(0, events.findLastIndex((data) => !ENDING.test(parse(data).type)) + 1)
}

/** Whether what was said, by two who tell of the same, is the same as far as both go; how they end is not compared. */
export function agree(one: readonly string[], other: readonly string[]): boolean {
  const [said, also] = [withoutEnding(one), withoutEnding(other)]
  return said.every((data, index) => index >= also.length || data === also[index])
}

/** What was told again, against what was told before. */
export interface Comparison {
  /** What is known now. */
  readonly told: readonly string[]
  readonly fault: string | undefined
}

/** What was heard of a stream again. */
export interface Retold {
  readonly events: readonly string[]
  /** The number of its first event. */
  readonly first: number
  /** Whether it was heard to its end. */
  readonly isWhole: boolean
  /** Whether some of what was told before may not have been durable. */
  readonly mayBeShorter: boolean
}

/** Compares, byte for byte, where both tell the same events. */
export function compare(told: readonly string[], { events, first, isWhole, mayBeShorter }: Retold): Comparison {
  const known = told.slice(first)
  const shared = Math.min(known.length, events.length)
  const differs = events.slice(0, shared).findIndex((data, index) => data !== known[index])
  const place = differs < 0 ? shared : differs
  const rest = events.slice(place)
  if (place === known.length) return { told: [...told.slice(0, first), ...events], fault: undefined }
  if (rest.length === 0 && !isWhole) return { told, fault: undefined }
  const now = [...told.slice(0, first + place), ...rest]
  if (mayBeShorter && rest.every((data) => ENDING.test(parse(data).type))) return { told: now, fault: undefined }
  const [before, after] = [known[place], rest[0]].map((data) => data?.slice(0, 200) ?? 'nothing')
  return { told: now, fault: `event ${first + place} was ${before}, and is now ${after}` }
}

function parse(data: string): Told {
  return JSON.parse(data) as Told // The server's own event.
}
