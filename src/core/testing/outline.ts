import { bearsResponse, type UnnumberedEvent } from '../../protocol/event.ts'

/** Fields that every event of its kind has, and that a place or a neighbour already tells. */
const TOLD: ReadonlySet<string> = new Set(['type', 'item_id', 'sequence_number', 'output_index'])

/**
 * Events as lines that can be read: `0.1 output_text.delta "Hel"` is a delta in part 1 of item 0. An item is
 * told by its type and status, a part by its text.
 */
export function outline(events: readonly UnnumberedEvent[]): string[] {
  return events.map((event) => {
    const name = event.type.replace(/^response\./, '')
    if (bearsResponse(event)) return `${name} ${event.response.status}`
    if (event.type === 'error') return `${name} ${event.code}`
    const place = [event.output_index, ...partOf(event)].join('.')
    return [place, name, ...Object.entries(event).flatMap(([key, value]) => told(key, value))].join(' ')
  })
}

function partOf(event: object): readonly number[] {
  if ('content_index' in event) return [Number(event.content_index)]
  return 'summary_index' in event ? [Number(event.summary_index)] : []
}

function told(key: string, value: unknown): string[] {
  if (TOLD.has(key) || key.endsWith('_index')) return []
  if (key === 'item') return [`${Reflect.get(Object(value), 'type')} ${Reflect.get(Object(value), 'status')}`]
  if (key === 'part')
    return [JSON.stringify(Reflect.get(Object(value), 'text') ?? Reflect.get(Object(value), 'refusal'))]
  if (key === 'logprobs') return Array.isArray(value) && value.length > 0 ? [`${value.length} logprobs`] : []
  return [JSON.stringify(value)]
}
