import { bearsResponse, isNativeEvent, type ResponseEvent, type UnnumberedEvent } from '../protocol/event.ts'
import type { JsonObject, JsonValue } from '../protocol/json.ts'
import type { OutputItem } from '../protocol/output-item.ts'
import type { Response } from '../protocol/response.ts'
import { closePart, closeSummary, closingOf } from './close.ts'

/**
 * The compact form of a finished log: how the terminal snapshot was delivered, not what it says.
 *
 * A delta is the length of its slice of the final text; an opening or closing event is what differs
 * from the final object; whatever fits neither is kept as it was. Runs of deltas to one place share an
 * entry, so a streamed token costs two or three bytes.
 */
type Entry =
  /** Lengths, in UTF-16 units, of consecutive deltas to one place. */
  | ['d', index: number, part: number, ...lengths: number[]]
  /** The same with log probabilities: of each delta its length, and how many it brings. */
  | ['l', index: number, part: number, ...lengthsAndCounts: number[]]
  /** A lifecycle event: its name and what differs from the terminal snapshot. */
  | readonly ['r', type: string, difference: JsonObject]
  /** `response.output_item.added`: what differs from the final item. */
  | readonly ['a', index: number, difference: JsonObject]
  /** Everything that closing the item says. */
  | readonly ['c', index: number]
  /** `response.content_part.added` or `response.reasoning_summary_part.added`. */
  | readonly ['p', index: number, part: number]
  /** The two events that close a part, where another part follows. */
  | readonly ['q', index: number, part: number]
  /** Any other event, whole. */
  | readonly ['e', event: JsonObject]

/** Shortens a finished log against its terminal snapshot. */
export function encodeLog(events: readonly ResponseEvent[], final: Response): string {
  const entries: Entry[] = []
  const progress: Progress = { final, taken: [] }
  for (let at = 0; at < events.length;) {
    const { entry, length } = encodeAt(events, at, progress)
    const last = entries.at(-1)
    if (last !== undefined && isDelta(last) && isDelta(entry) && goesOn(last, entry)) {
      // In place: a copy per delta would cost a long answer dearly.
      for (let size = SIZES_AT; size < entry.length; size++) last.push(Number(entry[size]))
    } else entries.push(entry)
    at += length
  }
  return JSON.stringify(entries)
}

/**
 * Restores the events, letter for letter.
 *
 * @param text What `encodeLog` made of them.
 * @param final The terminal snapshot they ended in.
 */
export function decodeLog(text: string, final: Response): readonly ResponseEvent[] {
  const entries: readonly Entry[] = JSON.parse(text) // Written by encodeLog, and checked by the store.
  const progress: Progress = { final, taken: [] }
  return entries
    .flatMap((entry) => decodeEntry(entry, progress))
    .map((event, sequence_number) => numbered(event, sequence_number))
}

/** An event with its number, last: the one order of keys in which events are sent. */
export function numbered(event: UnnumberedEvent, sequence_number: number): ResponseEvent {
  return { ...event, sequence_number }
}

/** How far a log has been read or written. */
interface Progress {
  readonly final: Response
  readonly taken: Taken[]
  /** The snapshot that was compared last. */
  compared?: { readonly response: Response; readonly difference: JsonObject | undefined }
}

/** How much of the final text of one place, and of its log probabilities, has been a delta already. */
interface Taken {
  readonly index: number
  readonly part: number
  text: number
  logprobs: number
}

type DeltaEntry = Extract<Entry, ['d' | 'l', ...unknown[]]>

/** Where the sizes of deltas begin in their entry. */
const SIZES_AT = 3

function isDelta(entry: Entry): entry is DeltaEntry {
  return entry[0] === 'd' || entry[0] === 'l'
}

/** Whether a delta is of the sort and the place of those before it. */
function goesOn(last: DeltaEntry, next: DeltaEntry): boolean {
  return last[0] === next[0] && last[1] === next[1] && last[2] === next[2]
}

function encodeAt(events: readonly ResponseEvent[], at: number, progress: Progress): { entry: Entry; length: number } {
  const event = events[at] as ResponseEvent // `at` is inside the list.
  if (isDeltaEvent(event)) return { entry: encodeDelta(event, progress), length: 1 }
  if (bearsResponse(event)) return { entry: encodeLifecycle(event, progress), length: 1 }
  for (const entry of shorten(event, progress.final)) {
    const restored = decodeEntry(entry, progress)
    const isRestored = restored.every((copy, offset) => isNumbered(copy, events[at + offset]))
    if (isRestored && restored.length > 0) return { entry, length: restored.length }
  }
  return { entry: wholeEntry(event), length: 1 }
}

type LifecycleEvent = Extract<ResponseEvent, { response: Response }>

const LIFECYCLE_KEYS = ['type', 'response', 'sequence_number']

/** Several events bear one snapshot, and the last bears the final one: each is compared once. */
function encodeLifecycle(event: LifecycleEvent, progress: Progress): Entry {
  const { response } = event
  const { final, compared } = progress
  const known = compared?.response === response ? compared : { response, difference: wholeDifference(response, final) }
  progress.compared = known
  if (known.difference === undefined || !hasKeys(event, LIFECYCLE_KEYS)) return wholeEntry(event)
  return ['r', event.type, known.difference]
}

/** What differs from the final snapshot; undefined where that would not restore it letter for letter. */
function wholeDifference(response: Response, final: Response): JsonObject | undefined {
  if (response === final) return {}
  const different = difference(response, final)
  const isRestored = hasKeys(response, Object.keys(final)) || isSame({ ...final, ...different }, response)
  return isRestored ? different : undefined
}

function wholeEntry(event: ResponseEvent): Entry {
  const { sequence_number: _, ...whole } = event
  return ['e', whole as unknown as JsonObject] // Events are JSON.
}

/** Most events are deltas: whether one is the next slice is asked of the text itself, without restoring it first. */
function encodeDelta(event: NumberedDelta, { final, taken }: Progress): Entry {
  const entry = deltaEntry(event)
  const item = final.output[event.output_index]
  const [slice] = slicesOf(entry, taken)
  if (item === undefined || slice === undefined) return wholeEntry(event)
  if (entry[0] === 'd' && isPlainSlice(event, item, slice)) return entry
  return nextDelta(item, slice).some((copy) => isNumbered(copy, event)) ? entry : wholeEntry(event)
}

/** The fields of a text's delta, in the order in which they are restored. */
const TEXT_DELTA_KEYS = ['type', 'item_id', 'output_index', 'content_index', 'delta', 'logprobs', 'sequence_number']

/** Whether `nextDelta` would restore just this. For what is not plain text, it is tried. */
function isPlainSlice(event: NumberedDelta, item: OutputItem, { text }: Slice): boolean {
  if (event.type !== 'response.output_text.delta' || item.type !== 'message') return false
  const part = item.content[event.content_index]
  return (
    part?.type === 'output_text' &&
    item.id === event.item_id &&
    part.text.startsWith(event.delta, text[0]) &&
    hasKeys(event, TEXT_DELTA_KEYS)
  )
}

/** Whether an object has just these keys, in this order. */
function hasKeys(value: object, keys: readonly string[]): boolean {
  let place = 0
  for (const key in value) if (key !== keys[place++]) return false
  return place === keys.length
}

/** Whether an event is another one and its number, last. */
function isNumbered(event: UnnumberedEvent, numberedEvent: ResponseEvent | undefined): boolean {
  if (numberedEvent === undefined) return false
  const keys = Object.keys(event)
  return Object.keys(numberedEvent).indexOf('sequence_number') === keys.length && haveSame(event, numberedEvent, keys)
}

/** Entries that may stand for an event; the first that restores it is taken. */
function shorten(event: Exclude<ResponseEvent, LifecycleEvent>, final: Response): Entry[] {
  if (event.type === 'error' || isNativeEvent(event)) return []
  const index = event.output_index
  const item = final.output[index]
  if (item === undefined) return []
  if (event.type === 'response.output_item.added') return [['a', index, difference(event.item, item)]]
  const part = partOf(event)
  if (event.type.endsWith('_part.added')) return [['p', index, part]]
  if (event.type.endsWith('.done'))
    return [
      ['c', index],
      ['q', index, part],
    ]
  return []
}

type DeltaEvent = Extract<UnnumberedEvent, { delta: string }>

type NumberedDelta = Extract<ResponseEvent, { delta: string }>

/** Whether an event adds to what its item says, in a way that we know. */
function isDeltaEvent<Event extends UnnumberedEvent>(event: Event): event is Extract<Event, { delta: string }> {
  return event.type === 'response.output_text.delta' || ('delta' in event && !isNativeEvent(event))
}

function deltaEntry(event: DeltaEvent): DeltaEntry {
  const part = partOf(event)
  const count = 'logprobs' in event ? event.logprobs.length : 0
  const { length } = event.delta
  return count === 0 ? ['d', event.output_index, part, length] : ['l', event.output_index, part, length, count]
}

function decodeEntry(entry: Entry, { final, taken }: Progress): UnnumberedEvent[] {
  switch (entry[0]) {
    case 'r':
      // Only lifecycle events are written under this letter.
      return [{ type: entry[1], response: { ...final, ...entry[2] } } as UnnumberedEvent]
    case 'e': {
      const event = entry[1] as unknown as UnnumberedEvent // As it was written.
      if (isDeltaEvent(event)) slicesOf(deltaEntry(event), taken) // The deltas after it begin where it ends.
      return [event]
    }
    default: {
      const item = final.output[entry[1]]
      return item === undefined ? [] : decodeItemEntry(entry, item, taken)
    }
  }
}

function decodeItemEntry(
  entry: Exclude<Entry, readonly ['r' | 'e', ...unknown[]]>,
  item: OutputItem,
  taken: Progress['taken'],
): UnnumberedEvent[] {
  const index = entry[1]
  switch (entry[0]) {
    case 'a':
      return [{ type: 'response.output_item.added', output_index: index, item: { ...item, ...entry[2] } }]
    case 'c':
      return closingOf(item, index)
    case 'p':
      return openedPart(item, index, entry[2])
    case 'q':
      return closedPart(item, index, entry[2] + 1)
    case 'd':
    case 'l':
      return slicesOf(entry, taken).flatMap((slice) => nextDelta(item, slice))
  }
}

function closedPart(item: OutputItem, index: number, parts: number): UnnumberedEvent[] {
  if (item.type === 'message') return closePart({ ...item, content: item.content.slice(0, parts) }, index)
  return item.type === 'reasoning' ? closeSummary({ ...item, summary: item.summary.slice(0, parts) }, index) : []
}

function openedPart(item: OutputItem, output_index: number, part_index: number): UnnumberedEvent[] {
  if (item.type === 'reasoning') {
    const part = { type: 'summary_text' as const, text: '' }
    const place = { item_id: item.id, output_index, summary_index: part_index }
    return [{ type: 'response.reasoning_summary_part.added', ...place, part }]
  }
  const final = item.type === 'message' ? item.content[part_index] : undefined
  if (final === undefined) return []
  const part =
    final.type === 'output_text'
      ? { type: final.type, text: '', annotations: [], logprobs: [] }
      : { type: final.type, refusal: '' }
  const place = { item_id: item.id, output_index, content_index: part_index }
  return [{ type: 'response.content_part.added', ...place, part }]
}

/** What a delta takes of the final text at its place, and of its log probabilities. */
interface Slice {
  readonly index: number
  readonly part: number
  readonly text: readonly [start: number, end: number]
  readonly logprobs: readonly [start: number, end: number]
}

/** The slices that a run of deltas takes, each beginning where the one before it ended. */
function slicesOf(entry: DeltaEntry, taken: Taken[]): Slice[] {
  const [letter, index, part] = entry
  const from = takenAt(taken, index, part)
  const slices: Slice[] = []
  const step = letter === 'd' ? 1 : 2
  for (let at = SIZES_AT; at < entry.length; at += step) {
    const [text, logprobs] = [from.text, from.logprobs]
    from.text += Number(entry[at])
    if (letter === 'l') from.logprobs += Number(entry[at + 1])
    slices.push({ index, part, text: [text, from.text], logprobs: [logprobs, from.logprobs] })
  }
  return slices
}

/** What was taken at a place; the one that was asked for last is the likeliest. */
function takenAt(taken: Taken[], index: number, part: number): Taken {
  const known = taken.findLast((place) => place.index === index && place.part === part)
  if (known !== undefined) return known
  const none = { index, part, text: 0, logprobs: 0 }
  taken.push(none)
  return none
}

function nextDelta(item: OutputItem, { index, part, text: cutAt, logprobs }: Slice): UnnumberedEvent[] {
  const cut = (text: string) => text.slice(...cutAt)
  const place = { item_id: item.id, output_index: index }
  switch (item.type) {
    case 'message': {
      const final = item.content[part]
      if (final === undefined) return []
      const at = { ...place, content_index: part }
      return final.type === 'output_text'
        ? [
            {
              type: 'response.output_text.delta',
              ...at,
              delta: cut(final.text),
              logprobs: final.logprobs.slice(...logprobs),
            },
          ]
        : [{ type: 'response.refusal.delta', ...at, delta: cut(final.refusal) }]
    }
    case 'reasoning': {
      const text = item.summary[part]?.text ?? ''
      return [{ type: 'response.reasoning_summary_text.delta', ...place, summary_index: part, delta: cut(text) }]
    }
    case 'function_call':
      return [{ type: 'response.function_call_arguments.delta', ...place, delta: cut(item.arguments) }]
    case 'custom_tool_call':
      return [{ type: 'response.custom_tool_call_input.delta', ...place, delta: cut(item.input) }]
    case 'tool_search_call':
    default:
      return []
  }
}

function partOf(event: object): number {
  if ('content_index' in event) return Number(event.content_index)
  return 'summary_index' in event ? Number(event.summary_index) : 0
}

/** Fields of `value` that `final` has otherwise. */
function difference(value: object, final: object): JsonObject {
  // Both are JSON.
  const [fields, base] = [value, final] as [JsonObject, JsonObject]
  const different: Record<string, JsonValue> = {}
  for (const key of Object.keys(fields)) {
    const field = fields[key]
    const isElsewhere = !Object.hasOwn(base, key) || !isSame(field, base[key])
    if (isElsewhere && field !== undefined) different[key] = field
  }
  return different
}

/** Whether two values are the same JSON text, the order of keys included. Written out, each would be text first. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (typeof one !== 'object' || one === null || typeof other !== 'object' || other === null) return false
  if (Array.isArray(one) !== Array.isArray(other)) return false
  const keys = Object.keys(one)
  return keys.length === Object.keys(other).length && haveSame(one, other, keys)
}

/** Whether two objects hold the same under these keys, and the keys stand first, in this order, in the second. */
function haveSame(one: object, other: object, keys: readonly string[]): boolean {
  // Read by names that `Object.keys` gave.
  const [fields, others] = [one, other] as [Record<string, unknown>, Record<string, unknown>]
  let place = 0
  for (const key in others) {
    if (place === keys.length) return true
    if (key !== keys[place++] || !isSame(fields[key], others[key])) return false
  }
  return place === keys.length
}
