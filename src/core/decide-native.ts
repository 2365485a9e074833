import { isNativeType, type UnnumberedEvent } from '../protocol/event.ts'
import type { JsonObject, JsonValue } from '../protocol/json.ts'
import { isNativeItem, type OutputItem, type OutputNativeItem } from '../protocol/output-item.ts'
import type { Response } from '../protocol/response.ts'
import { itemDone } from './close.ts'
import { ModelEventError, type NativeEndEvent, type NativeInsideEvent, type NativeItemEvent } from './model-event.ts'
import { added, closeWhole, nextItemId } from './open-items.ts'

/** What types look like: they stand in the `event:` lines of streams. */
const TYPE_FORM = /^[a-z][a-z0-9_.:-]{0,99}$/i

/** How deep what we carry may be nested: what is much deeper cannot be written out. */
const DEPTH_MAX = 100

/**
 * Shows an item that its provider alone knows, under an id of ours.
 *
 * @throws {ModelEventError} Its type is none, or one that we know; or it is nested too deeply.
 */
export function decideNative(response: Response, { item, isOpen, sealed }: NativeItemEvent): UnnumberedEvent[] {
  const type = item['type']
  if (!canCarry(type) || !isNativeItem({ ...item, type })) {
    throw new ModelEventError('The provider sent an item without a type that can be told.')
  }
  checkDepth(item)
  const index = response.output.length
  const own = { type, id: nextItemId(response, type) }
  const begun = shown({ ...item, status: 'in_progress' }, own)
  const events = [...closeWhole(response), added(index, begun)]
  return isOpen === true ? events : [...events, itemDone(index, shown(settled(item), own, sealed))]
}

/** Carries on what happens inside a native item. What comes without one, or too late, is passed over. */
export function decideNativeEvent(response: Response, { event, back }: NativeInsideEvent): UnnumberedEvent[] {
  const open = findOpen(response, back)
  const { type } = event
  if (open === undefined || !canCarry(type) || !isNativeType(type)) return []
  checkDepth(event)
  const place = { item_id: open.item.id, output_index: open.index }
  return [{ type, ...place, ...without(event, EVENT_FIELDS) }]
}

/** Ends a native item. Its type, its call and who makes it are as they were when it began. */
export function decideNativeEnd(response: Response, { item, back, sealed }: NativeEndEvent): UnnumberedEvent[] {
  const open = findOpen(response, back)
  if (open === undefined) return []
  checkDepth(item)
  const { type, id, call_id: callId, execution } = open.item
  const call = callId === undefined ? {} : { call_id: callId }
  const maker = execution === undefined ? {} : { execution }
  return [itemDone(open.index, shown(settled({ ...item, ...call, ...maker }), { type, id }, sealed))]
}

/** Whether a type is of the form that all types have. */
export function canCarry(type: unknown): type is string {
  return typeof type === 'string' && TYPE_FORM.test(type)
}

/** What of an item is not shown to clients, and its provider wants back. */
export function hiddenOf(item: JsonObject): JsonObject {
  const { id, encrypted_content: encrypted } = item
  return {
    ...(typeof id === 'string' ? { id } : {}),
    ...(typeof encrypted === 'string' ? { encrypted_content: encrypted } : {}),
  }
}

/** What is ours to say, what other events are told by, and padding. */
const EVENT_FIELDS: ReadonlySet<string> = new Set([
  'type',
  'item_id',
  'output_index',
  'sequence_number',
  'response',
  'error',
  'obfuscation',
])

const ITEM_FIELDS: ReadonlySet<string> = new Set(['type', 'id', 'encrypted_content'])

function shown(item: JsonObject, own: { type: string; id: string }, sealed?: string): OutputItem {
  const seal = sealed === undefined ? {} : { encrypted_content: sealed }
  return { ...own, ...without(item, ITEM_FIELDS), ...seal } as OutputNativeItem // Its type is none of ours.
}

/** A provider that says of an ended item that it goes on is wrong. */
function settled(item: JsonObject): JsonObject {
  return item['status'] === 'in_progress' ? { ...item, status: 'completed' } : item
}

function without(value: JsonObject, fields: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([field]) => !fields.has(field)))
}

/** The native item that is meant, where it is still open. */
function findOpen(response: Response, back: number): { item: OutputNativeItem; index: number } | undefined {
  const natives = response.output.flatMap((item, index) => (isNativeItem(item) ? [{ item, index }] : []))
  const found = natives.at(-1 - back)
  return found?.item.status === 'in_progress' ? found : undefined
}

function checkDepth(value: JsonValue): void {
  if (isDeeper(value, DEPTH_MAX)) throw new ModelEventError('The provider sent an item that is nested too deeply.')
}

function isDeeper(value: JsonValue, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((inner: JsonValue) => isDeeper(inner, depth - 1))
}
