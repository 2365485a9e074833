import type { Recording } from './load.ts'
import type { Said } from './said.ts'

// Recordings are what providers sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/**
 * Reads a recording all at once, with the whole answer in view: on purpose another way than the
 * server's, which sees one piece at a time.
 */
export function readAll(recording: Pick<Recording, 'pieces' | 'isStream' | 'status'>): Said {
  const chunks = recording.isStream ? streamChunks(recording.pieces) : [JSON.parse(recording.pieces.join('')) as Loose]
  const messages = chunks.flatMap((chunk) =>
    (chunk['choices'] ?? [])
      .filter((choice: Loose) => (choice['index'] ?? 0) === 0)
      .map((choice: Loose) => ({ ...(choice['delta'] ?? choice['message']), finish: choice['finish_reason'] })),
  )
  const hasError = chunks.some((chunk) => Boolean(chunk['error']))
  const contents = messages.map((message) => contentOf(message)).join('')
  const thoughts = spokenReasoning(messages) + thinkingParts(messages)
  const inline = /^\s*<think>([\s\S]*?)(?:<\/think>|$)([\s\S]*)$/.exec(contents)
  return {
    text: inline === null ? contents : (inline[2] ?? '').trimStart(),
    reasoning: inline === null ? thoughts : thoughts + (inline[1] ?? '').trim(),
    calls: callsOf(messages),
    outcome: recording.status >= 400 ? 'error' : outcomeOf(recording, messages, hasError),
    usage: usageOf(chunks),
    refusal: messages.map((message) => message['refusal'] ?? '').join(''),
    annotations: messages
      .flatMap((message) => message['annotations'] ?? [])
      .flatMap((annotation: Loose) => annotation['url_citation']?.url ?? []),
  }
}

/** Whether the finish has been seen in the first pieces of a stream. */
export function hasFinish(pieces: readonly string[]): boolean {
  if (pieces.some((piece) => /^data: ?\[DONE\]/m.test(piece))) return true
  return streamChunks(pieces).some((chunk) => (chunk['choices'] ?? []).some((choice: Loose) => choice['finish_reason']))
}

/** Whether an error has been seen in the first pieces of a stream. */
export function hasErrorChunk(pieces: readonly string[]): boolean {
  return streamChunks(pieces).some((chunk) => Boolean(chunk['error']))
}

function streamChunks(pieces: readonly string[]): Loose[] {
  return pieces
    .join('')
    .split(/\r?\n\r?\n/)
    .flatMap((block) => /^data: ?(\{[\s\S]*\})\s*$/m.exec(block)?.[1] ?? [])
    .map((text) => JSON.parse(text) as Loose)
}

function contentOf(message: Loose): string {
  const { content } = message
  if (!Array.isArray(content)) return content ?? ''
  return content.map((part: Loose) => (part['type'] === 'text' ? part['text'] : '')).join('')
}

function thinkingParts(messages: readonly Loose[]): string {
  return messages
    .flatMap((message) => (Array.isArray(message['content']) ? message['content'] : []))
    .flatMap((part: Loose) => part['thinking'] ?? [])
    .map((part: Loose | string) => (typeof part === 'string' ? part : part['text']))
    .join('')
}

/** One spelling of the reasoning: the first that the answer uses. */
function spokenReasoning(messages: readonly Loose[]): string {
  const spellings = [
    (message: Loose) => message['reasoning_content'],
    (message: Loose) => message['reasoning'],
    (message: Loose) => (message['reasoning_details'] ?? []).map((detail: Loose) => detail['text'] ?? '').join(''),
  ]
  const joined = spellings.map((read) => messages.map((message) => read(message) ?? '').join(''))
  return joined.find((text) => text !== '') ?? ''
}

function callsOf(messages: readonly Loose[]): Said['calls'] {
  const calls: { key: string; name: string; text: string }[] = []
  for (const message of messages) {
    const legacy = message['function_call']?.name
      ? [{ id: 'legacy', index: 0, function: message['function_call'] }]
      : []
    for (const fragment of [...(message['tool_calls'] ?? []), ...legacy] as Loose[]) {
      const key = `${fragment['index'] ?? '-'}`
      const last = calls.findLast((call) => call.key.startsWith(`${key}/`))
      const id = fragment['id'] ?? ''
      const isNew = last === undefined || (id !== '' && !last.key.endsWith(`/${id}`))
      if (isNew) calls.push({ key: `${key}/${id}`, name: fragment['function']['name'], text: '' })
      const call = calls.findLast((candidate) => candidate.key.startsWith(`${key}/`))
      const { arguments: args } = fragment['function'] ?? {}
      if (call !== undefined) call.text += typeof args === 'string' ? args : args == null ? '' : JSON.stringify(args)
    }
  }
  return calls.map(({ name, text }) => ({ name, arguments: JSON.parse(text.trim() === '' ? '{}' : text) as unknown }))
}

function outcomeOf(
  { pieces, isStream }: Pick<Recording, 'pieces' | 'isStream'>,
  messages: readonly Loose[],
  hasError: boolean,
): Said['outcome'] {
  if (hasError || (isStream && !hasFinish(pieces))) return 'failed'
  const finish = messages.map((message) => message['finish']).findLast(Boolean)
  if (finish === 'length') return 'max_output_tokens'
  return finish === 'content_filter' ? 'content_filter' : 'completed'
}

/** The last complete count; output is whatever of the total is not input, and reasoning what is not said. */
function usageOf(chunks: readonly Loose[]): Said['usage'] {
  const counts = chunks
    .flatMap((chunk) => [chunk['x_groq']?.usage, chunk['usage']])
    .filter((usage) => typeof usage?.prompt_tokens === 'number' && typeof usage?.completion_tokens === 'number')
  const last = counts.at(-1)
  if (last === undefined) return undefined
  const { prompt_tokens: input, completion_tokens: said, prompt_tokens_details: details } = last
  const output = Math.max(said, (last.total_tokens ?? 0) - input)
  const named = last.completion_tokens_details?.reasoning_tokens
  return {
    input,
    cached: details?.cached_tokens ?? last.prompt_cache_hit_tokens ?? last.cache_read_input_tokens ?? 0,
    written: details?.cache_write_tokens ?? last.cache_creation_input_tokens ?? 0,
    output,
    reasoning: Math.min(named || output - said, output),
  }
}
