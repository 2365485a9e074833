import type { ResponseEvent } from '../protocol/event.ts'
import { numbered } from './log-codec.ts'

/**
 * Events as they are kept while their response runs. Consecutive deltas that differ in nothing else are one entry: the
 * first of them without its text, then all texts. Anything else is an entry of its own.
 */
type Entry = readonly [event: object] | readonly [event: object, deltas: readonly string[]]

type Delta = ResponseEvent & { readonly delta: string }

/** Shortens consecutive events. @returns JSON text, from which `decodeBatch` restores them letter for letter. */
export function encodeBatch(events: readonly ResponseEvent[]): string {
  const entries: Entry[] = []
  let run: { readonly like: Delta; readonly deltas: string[] } | undefined
  for (const event of events) {
    if (isDelta(event) && run !== undefined && differInText(run.like, event)) {
      run.deltas.push(event.delta)
      continue
    }
    const { sequence_number: _, ...rest } = event
    run = isDelta(event) ? { like: event, deltas: [event.delta] } : undefined
    entries.push(run === undefined ? [rest] : [{ ...rest, delta: '' }, run.deltas])
  }
  return JSON.stringify(entries)
}

/**
 * Restores events.
 *
 * @param text What `encodeBatch` has made of them.
 * @param first Sequence number of the first.
 */
export function decodeBatch(text: string, first: number): readonly ResponseEvent[] {
  const entries: readonly Entry[] = JSON.parse(text) // Written by encodeBatch, and checked by the store.
  return entries
    .flatMap(([event, deltas]) => deltas?.map((delta) => ({ ...event, delta })) ?? [event])
    .map((event, index) => numbered(event as ResponseEvent, first + index)) // As they were written.
}

function isDelta(event: ResponseEvent): event is Delta {
  return 'delta' in event && typeof event.delta === 'string'
}

/** Whether two deltas have the same keys and, but for text and number, plainly the same values. */
function differInText(one: Delta, other: Delta): boolean {
  const [fields, others] = [one, other] as unknown as Readonly<Record<string, unknown>>[] // For a look at each key.
  const keys = Object.keys(one)
  if (Object.keys(other).join() !== keys.join()) return false
  return keys.every(
    (key) => key === 'delta' || key === 'sequence_number' || isPlainlySame(fields?.[key], others?.[key]),
  )
}

function isPlainlySame(one: unknown, other: unknown): boolean {
  return one === other || (Array.isArray(one) && one.length === 0 && Array.isArray(other) && other.length === 0)
}
