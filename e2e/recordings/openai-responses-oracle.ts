import type { Recording } from './load.ts'
import type { Said } from './said.ts'

// Recordings are what providers sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

const TERMINAL = /^response\.(?:completed|incomplete|failed)$/

/**
 * Reads a recording all at once, with the whole answer in view: on purpose another way than the server's. It looks
 * at items that have ended and at the response that has, never at a delta.
 */
export function readAll(recording: Pick<Recording, 'pieces' | 'isStream' | 'status'>): Said {
  const { items, late, response, hasError } = endOf(recording)
  const parts = items.filter(isMessage).flatMap((item) => item['content'] as Loose[])
  const texts = parts.filter(({ type }) => type === 'output_text')
  return {
    text: texts.map(({ text }) => text).join(''),
    reasoning: items.flatMap(thoughtsOf).join(''),
    calls: items.flatMap(callOf),
    outcome: recording.status >= 400 ? 'error' : outcomeOf(response, hasError),
    usage: usageOf(response),
    refusal: parts.map(({ refusal = '' }) => refusal).join(''),
    annotations: texts
      .flatMap(({ annotations }) => annotations as Loose[])
      .map((annotation) => annotation['url'] ?? JSON.stringify(annotation)),
    ...(recording.status >= 400 ? {} : { items: [...inOrder(items).map(outline), ...late.map(outline)] }),
  }
}

/** What a provider must be given back of its own turn: reasoning that is sealed, and items that it alone knows. */
export function itemsToReturn(recording: Pick<Recording, 'pieces' | 'isStream'>): readonly Loose[] {
  const { items } = endOf(recording)
  return inOrder(items).flatMap((item) => {
    if (item['type'] !== 'reasoning') return OURS.has(item['type']) ? [] : [item]
    const { status: _, content, encrypted_content: encrypted, ...rest } = item
    if (typeof encrypted !== 'string') return []
    return [{ ...rest, ...(content?.length > 0 ? { content } : {}), encrypted_content: encrypted }]
  })
}

/** Whether the finish has been seen in the first pieces of a stream. */
export function hasFinish(pieces: readonly string[]): boolean {
  return streamEvents(pieces).some(({ type }) => TERMINAL.test(type))
}

/** Whether an error has been seen in the first pieces of a stream. */
export function hasErrorChunk(pieces: readonly string[]): boolean {
  return streamEvents(pieces).some(({ type }) => type === 'error' || type === 'response.failed')
}

interface Ended {
  readonly items: readonly Loose[]
  /** What is left of reasoning that ended after what it has led to: it must come back, and its place is closed. */
  readonly late: readonly Loose[]
  readonly response: Loose
  readonly hasError: boolean
}

function endOf({ pieces, isStream }: Pick<Recording, 'pieces' | 'isStream'>): Ended {
  if (!isStream) {
    const response = JSON.parse(pieces.join('')) as Loose
    return { items: response['output'] ?? [], late: [], response, hasError: response['error'] != null }
  }
  const events = streamEvents(pieces)
  const response = events.find(({ type }) => TERMINAL.test(type))?.['response'] ?? {}
  const done = events.filter(({ type }) => type === 'response.output_item.done')
  const places = [...new Set(done.map(({ output_index: place }) => place as number))].toSorted((a, b) => a - b)
  const items = places.map((place) => done.find(({ output_index: index }) => index === place)?.['item'] as Loose)
  const late = done.filter(({ output_index: place, item }, at) => {
    const isOvertaken = done.slice(0, at).some(({ output_index: before }) => before > place)
    return item['type'] === 'reasoning' && isOvertaken
  })
  return { items, late: late.map(() => ({ type: 'reasoning' })), response, hasError: hasErrorChunk(pieces) }
}

function streamEvents(pieces: readonly string[]): Loose[] {
  return [...pieces.join('').matchAll(/^data: ?(\{.*\})\s*$/gm)].map(([, json = '']) => JSON.parse(json) as Loose)
}

/** Types that the server has itself: their ids and their states are its own. */
const OURS: ReadonlySet<unknown> = new Set(['message', 'reasoning', 'function_call', 'custom_tool_call'])

function isMessage({ type }: Loose): boolean {
  return type === 'message'
}

/** The summary; where there is none, the thoughts themselves. */
function thoughtsOf({ type, summary = [], content }: Loose): string[] {
  if (type !== 'reasoning') return []
  const said = summary.length > 0 ? summary : (content ?? [])
  return said.map(({ text }: Loose) => text)
}

function callOf({ type, name, arguments: args, input }: Loose): Said['calls'] {
  if (type === 'custom_tool_call') return [{ name, arguments: input }]
  return type === 'function_call' ? [{ name, arguments: JSON.parse(args) as unknown }] : []
}

/** A message without a word is nothing, and so is reasoning that is empty and need not come back. */
function inOrder(items: readonly Loose[]): Loose[] {
  return items.filter((item) => {
    if (isMessage(item)) return item['content'].some(({ text, refusal }: Loose) => text || refusal)
    return item['type'] !== 'reasoning' || thoughtsOf(item).length > 0 || item['encrypted_content']
  })
}

/** What an item is, without what is ours to give. */
function outline(item: Loose): Loose {
  const { type, phase, name, namespace } = item
  if (isMessage(item)) return { type, phase, parts: item['content'].map((part: Loose) => part['type']) }
  if (type === 'reasoning') return { type, parts: thoughtsOf(item).length }
  if (OURS.has(type)) return { type, name, namespace }
  const { id: _, encrypted_content: __, ...native } = item
  return native
}

function outcomeOf({ status, incomplete_details: details }: Loose, hasError: boolean): Said['outcome'] {
  if (hasError || status === undefined || status === 'failed') return 'failed'
  return status === 'incomplete' ? (details?.reason ?? 'completed') : 'completed'
}

function usageOf({ usage }: Loose): Said['usage'] {
  return usage == null ? undefined : { input: usage.input_tokens, output: usage.output_tokens }
}
