import type { Recording } from './load.ts'
import type { Said } from './said.ts'

// Recordings are what providers sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/**
 * Reads a recording of Messages all at once: a stream is first put together to the answer that it stands for, which
 * is then read like one that came in one piece.
 */
export function readAll({ pieces, isStream, status }: Pick<Recording, 'pieces' | 'isStream' | 'status'>): Said {
  const events = isStream ? eventsOf(pieces) : []
  const answer = isStream ? putTogether(events) : (JSON.parse(pieces.join('')) as Loose)
  const content = (answer['content'] ?? []) as Loose[]
  const ofType = (...types: readonly string[]) => content.filter((block) => types.includes(block['type'] as string))
  return {
    text: ofType('text')
      .map((block) => block['text'] as string)
      .join(''),
    reasoning: ofType('thinking')
      .map((block) => block['thinking'] as string)
      .join(''),
    calls: ofType('tool_use').map((block) => ({ name: block['name'] as string, arguments: argumentsOf(block) })),
    outcome: status >= 400 ? 'error' : outcomeOf(answer, hasErrorChunk(pieces) || (isStream && !hasFinish(pieces))),
    usage: usageOf(answer['usage'] ?? {}),
    refusal: answer['stop_reason'] === 'refusal' ? (answer['stop_details']?.explanation ?? '') : '',
    annotations: ofType('text')
      .flatMap((block) => (block['citations'] ?? []) as Loose[])
      .flatMap((citation) => citation['url'] ?? []),
  }
}

/** Whether the finish has been seen in the first pieces of a stream. */
export function hasFinish(pieces: readonly string[]): boolean {
  return eventsOf(pieces).some(({ type, delta }) => type === 'message_stop' || delta?.['stop_reason'])
}

/** Whether an error has been seen in the first pieces of a stream. */
export function hasErrorChunk(pieces: readonly string[]): boolean {
  return eventsOf(pieces).some(({ type }) => type === 'error')
}

/** Blocks of thinking that must come back as they are, in order. */
export function thinkingOf({ pieces, isStream }: Pick<Recording, 'pieces' | 'isStream'>): readonly object[] {
  const answer = isStream ? putTogether(eventsOf(pieces)) : (JSON.parse(pieces.join('')) as Loose)
  const content = (answer['content'] ?? []) as Loose[]
  return content
    .filter((block) => block['signature'] || block['type'] === 'redacted_thinking')
    .map(({ type, thinking, signature, data }) => (data ? { type, data } : { type, thinking, signature }))
}

function eventsOf(pieces: readonly string[]): Loose[] {
  return pieces
    .join('')
    .split(/\r?\n/)
    .flatMap((line) => /^data: ?(\{.*\})\s*$/.exec(line)?.[1] ?? [])
    .map((text) => JSON.parse(text) as Loose)
}

/** Each field of a delta adds to the block's field that it is for. */
function putTogether(events: readonly Loose[]): Loose {
  const message: Loose = { content: [], usage: {} }
  for (const event of events) {
    const block = message['content'][event['index']]
    if (event['type'] === 'message_start') Object.assign(message['usage'], event['message'].usage)
    if (event['type'] === 'content_block_start') message['content'][event['index']] = { ...event['content_block'] }
    if (event['type'] === 'content_block_delta') grow(block, event['delta'])
    if (event['type'] === 'message_delta') {
      Object.assign(message, event['delta'])
      Object.assign(message['usage'], event['usage'])
    }
  }
  return message
}

function grow(block: Loose, delta: Loose): void {
  if (typeof delta['text'] === 'string') block['text'] += delta['text']
  if (typeof delta['thinking'] === 'string') block['thinking'] += delta['thinking']
  if (typeof delta['signature'] === 'string') block['signature'] = delta['signature']
  if (typeof delta['partial_json'] === 'string') block['json'] = (block['json'] ?? '') + delta['partial_json']
  if (delta['citation']) block['citations'] = [...(block['citations'] ?? []), delta['citation']]
}

function argumentsOf({ json, input }: Loose): unknown {
  return json ? JSON.parse(json as string) : (input ?? {})
}

function outcomeOf(answer: Loose, hasFailed: boolean): Said['outcome'] {
  if (hasFailed) return 'failed'
  const reason = answer['stop_reason'] as string
  if (reason === 'max_tokens' || reason === 'model_context_window_exceeded') return 'max_output_tokens'
  return reason === 'refusal' ? 'content_filter' : 'completed'
}

function usageOf(usage: Loose): Said['usage'] {
  if (usage['input_tokens'] === undefined || usage['output_tokens'] === undefined) return undefined
  const [cached, written] = [usage['cache_read_input_tokens'] ?? 0, usage['cache_creation_input_tokens'] ?? 0]
  const reasoning = usage['output_tokens_details']?.thinking_tokens ?? 0
  return { input: usage['input_tokens'] + cached + written, cached, written, output: usage['output_tokens'], reasoning }
}
