import { bearsResponse, isNativeEvent, TERMINAL_EVENTS, type ResponseEvent } from '../protocol/event.ts'

/** What the grammar remembers between events. */
interface Reading {
  readonly expected: number
  readonly responseId: string
  readonly phase: 'start' | 'created' | 'running' | 'ended'
  /** Every item so far, by output index. */
  readonly items: ReadonlyMap<number, OpenItem>
}

interface OpenItem {
  readonly id: string
  readonly type: string
  readonly callId: string | undefined
  readonly done: boolean
  /** Parts begun, and whether the last of them is still open. */
  readonly parts: number
  readonly partOpen: boolean
}

/**
 * The legal order of events: `response.created` first, then (`response.queued`) `response.in_progress`,
 * item blocks with contiguous indexes and stable ids, every part and item closed, exactly one terminal
 * event, last; numbers from 0 without gaps.
 *
 * @returns what is wrong, a sentence each; empty where the stream is legal.
 * @see wire.md section 5.3 names the clients that break on each rule.
 */
export function grammarFaults(events: readonly ResponseEvent[]): string[] {
  const faults: string[] = []
  let reading: Reading = { expected: 0, responseId: '', phase: 'start', items: new Map() }
  for (const event of events) {
    const fault = (text: string) => faults.push(`#${event.sequence_number} ${event.type}: ${text}`)
    if (event.sequence_number !== reading.expected) fault(`expected number ${reading.expected}`)
    reading = { ...readEvent(reading, event, fault), expected: event.sequence_number + 1 }
  }
  if (reading.phase !== 'ended') faults.push('the stream has no terminal event')
  return faults
}

type Fault = (text: string) => void

function readEvent(reading: Reading, event: ResponseEvent, fault: Fault): Reading {
  if (reading.phase === 'ended') fault('nothing may follow the terminal event')
  if (bearsResponse(event)) return readLifecycle(reading, event, fault)
  if (event.type === 'error') {
    if (reading.phase === 'start') fault('response.created must be first')
    return reading
  }
  if (reading.phase !== 'running') fault('items may come only after response.in_progress')
  if (event.type === 'response.output_item.added') return readAdded(reading, event, fault)
  const item = reading.items.get(event.output_index)
  if (item === undefined || item.done) {
    fault(`no open item at output_index ${event.output_index}`)
    return reading
  }
  const next =
    event.type === 'response.output_item.done' ? readDone(item, event, fault) : readInside(item, event, fault)
  return { ...reading, items: new Map(reading.items).set(event.output_index, next) }
}

function readLifecycle(reading: Reading, event: Extract<ResponseEvent, { response: unknown }>, fault: Fault): Reading {
  if (reading.phase === 'start') {
    if (event.type !== 'response.created') fault('response.created must be first')
    if (event.response.output.length > 0) fault('response.created must have no output')
    return { ...reading, phase: 'created', responseId: event.response.id }
  }
  if (event.response.id !== reading.responseId) fault('the response id changed')
  if (TERMINAL_EVENTS.has(event.type)) return readTerminal(reading, event, fault)
  if (reading.phase !== 'created' || event.type === 'response.created') {
    fault('comes too late')
    return reading
  }
  return { ...reading, phase: event.type === 'response.in_progress' ? 'running' : 'created' }
}

function readTerminal(reading: Reading, event: Extract<ResponseEvent, { response: unknown }>, fault: Fault): Reading {
  for (const [index, item] of reading.items) {
    const final = event.response.output[index]
    if (!item.done) fault(`the item at output_index ${index} was never closed`)
    if (final?.id !== item.id || final.type !== item.type || callIdOf(final) !== item.callId) {
      fault(`the item at output_index ${index} differs in the final output`)
    }
  }
  if (event.response.output.length !== reading.items.size) fault('the final output has other items than the stream')
  return { ...reading, phase: 'ended' }
}

function readAdded(
  reading: Reading,
  event: Extract<ResponseEvent, { type: 'response.output_item.added' }>,
  fault: Fault,
): Reading {
  const { item, output_index: index } = event
  if (index !== reading.items.size) fault(`output_index must be ${reading.items.size}, is ${index}`)
  if ([...reading.items.values()].some(({ id }) => id === item.id)) fault('an item id is used twice')
  if (item.status !== 'in_progress') fault('an added item must be in_progress')
  const open: OpenItem = {
    id: item.id,
    type: item.type,
    callId: callIdOf(item),
    done: false,
    parts: 0,
    partOpen: false,
  }
  return { ...reading, items: new Map(reading.items).set(index, open) }
}

function readDone(
  item: OpenItem,
  event: Extract<ResponseEvent, { type: 'response.output_item.done' }>,
  fault: Fault,
): OpenItem {
  if (item.partOpen) fault('a part is still open')
  const callId = callIdOf(event.item)
  const isOtherCall = item.callId !== undefined && callId !== item.callId
  if (event.item.id !== item.id || event.item.type !== item.type || isOtherCall) {
    fault('the item differs from the one that was added')
  }
  if (event.item.status === 'in_progress') fault('a closed item cannot be in_progress')
  return { ...item, callId, done: true }
}

type InsideEvent = Exclude<
  Extract<ResponseEvent, { output_index: number }>,
  { type: 'response.output_item.added' } | { type: 'response.output_item.done' }
>

function readInside(item: OpenItem, event: InsideEvent, fault: Fault): OpenItem {
  if (event.item_id !== item.id) fault('item_id differs from the added item')
  if (isNativeEvent(event)) {
    if ('error' in event) fault('may have no error: clients take it for one of the stream')
    return item
  }
  const index = 'content_index' in event ? event.content_index : 'summary_index' in event ? event.summary_index : null
  if (index === null) return item
  if (event.type.endsWith('_part.added')) {
    if (item.partOpen) fault('the part before is still open')
    if (index !== item.parts) fault(`the part index must be ${item.parts}, is ${index}`)
    return { ...item, parts: index + 1, partOpen: true }
  }
  if (!item.partOpen || index !== item.parts - 1) fault('this part is not open')
  return event.type.endsWith('_part.done') ? { ...item, partOpen: false } : item
}

function callIdOf(item: object): string | undefined {
  return 'call_id' in item && typeof item.call_id === 'string' ? item.call_id : undefined
}
