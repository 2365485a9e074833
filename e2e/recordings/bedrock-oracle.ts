import type { Recording } from './load.ts'
import type { Said } from './said.ts'

// Recordings are what providers sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/**
 * Reads a recording of Converse all at once, with the whole message in view: on purpose another way than the server's,
 * which sees one event at a time.
 */
export function readAll({ pieces, isStream, status }: Pick<Recording, 'pieces' | 'isStream' | 'status'>): Said {
  const { content, stopReason, usage } = isStream
    ? assemble(pieces)
    : wholeMessage(JSON.parse(pieces.join('')) as Loose)
  const cited = content.flatMap((block) => block['citationsContent']?.citations ?? [])
  return {
    text: content.map((block) => textOf(block)).join(''),
    reasoning: content.map((block) => block['reasoningContent']?.reasoningText?.text ?? '').join(''),
    calls: content
      .flatMap((block) => block['toolUse'] ?? [])
      .filter((call: Loose) => call['type'] !== 'server_tool_use')
      .map((call: Loose) => ({ name: call['name'] as string, arguments: call['input'] as unknown })),
    outcome: status >= 400 ? 'error' : outcomeOf(stopReason),
    usage: usageOf(usage),
    refusal: '',
    annotations: cited.flatMap((citation: Loose) => citation['location']?.web?.url ?? []),
  }
}

/** Whether the finish has been seen in the first pieces of a stream. */
export function hasFinish(pieces: readonly string[]): boolean {
  return eventsOf(pieces).some((event) => 'messageStop' in event)
}

/** Whether an error has been seen in the first pieces of a stream. */
export function hasErrorChunk(pieces: readonly string[]): boolean {
  return eventsOf(pieces).some((event) => Object.keys(event).some((type) => type.endsWith('Exception')))
}

interface Message {
  readonly content: readonly Loose[]
  readonly stopReason: string | undefined
  readonly usage: Loose | undefined
}

function wholeMessage(answer: Loose): Message {
  const content = (answer['output']?.message?.content ?? []) as Loose[]
  return {
    content,
    stopReason: answer['stopReason'] as string | undefined,
    usage: answer['usage'] as Loose | undefined,
  }
}

/** Puts the message together that was taken apart to be streamed. */
function assemble(pieces: readonly string[]): Message {
  const events = eventsOf(pieces)
  const found = (type: string) => events.flatMap((event) => (event[type] === undefined ? [] : [event[type] as Loose]))
  const starts = found('contentBlockStart')
  const deltas = found('contentBlockDelta')
  const indexes = [...new Set(deltas.map((event) => event['contentBlockIndex'] as number))].toSorted((a, b) => a - b)
  const content = indexes.map((index) => {
    const start = starts.find((event) => event['contentBlockIndex'] === index)?.['start'] ?? {}
    const own = deltas.filter((event) => event['contentBlockIndex'] === index).map((event) => event['delta'] as Loose)
    return blockOf(start as Loose, own)
  })
  const stop = found('messageStop')[0]
  return { content, stopReason: stop?.['stopReason'] as string | undefined, usage: found('metadata')[0]?.['usage'] }
}

function blockOf(start: Loose, deltas: readonly Loose[]): Loose {
  const joined = (read: (delta: Loose) => string | undefined) => deltas.map((delta) => read(delta) ?? '').join('')
  const text = joined((delta) => delta['text'])
  const thought = joined((delta) => delta['reasoningContent']?.text)
  const input = joined((delta) => delta['toolUse']?.input)
  const citations = deltas.flatMap((delta) => delta['citation'] ?? [])
  return {
    ...(start['toolUse'] === undefined
      ? {}
      : { toolUse: { ...start['toolUse'], input: JSON.parse(input === '' ? '{}' : input) as unknown } }),
    ...(thought === '' ? {} : { reasoningContent: { reasoningText: { text: thought } } }),
    ...(citations.length === 0 ? { text } : { citationsContent: { citations, content: [{ text }] } }),
  }
}

function eventsOf(pieces: readonly string[]): Loose[] {
  return pieces.map((piece) => JSON.parse(piece) as Loose)
}

function textOf(block: Loose): string {
  const cited = (block['citationsContent']?.content ?? []) as Loose[]
  return [...cited, block].map((part) => (part['text'] as string | undefined) ?? '').join('')
}

function outcomeOf(stopReason: string | undefined): Said['outcome'] {
  switch (stopReason) {
    case undefined:
      return 'failed'
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'max_output_tokens'
    case 'guardrail_intervened':
    case 'content_filtered':
      return 'content_filter'
    default:
      return 'completed'
  }
}

/** What was read from a cache, or written to one, is input too. */
function usageOf(usage: Loose | undefined): Said['usage'] {
  if (typeof usage?.['inputTokens'] !== 'number') return undefined
  const cached = Number(usage['cacheReadInputTokens'] ?? 0)
  const written = Number(usage['cacheWriteInputTokens'] ?? 0)
  return { input: usage['inputTokens'] + cached + written, cached, written, output: Number(usage['outputTokens']) }
}
