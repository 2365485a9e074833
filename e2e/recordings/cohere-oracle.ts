import type { Recording } from './load.ts'
import type { Said } from './said.ts'

// Recordings are what providers sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/** Reads a recording all at once, with the whole answer in view: on purpose another way than the server's. */
export function readAll(recording: Pick<Recording, 'pieces' | 'isStream' | 'status'>): Said {
  const answer = recording.isStream
    ? fold(eventsOf(recording.pieces))
    : (JSON.parse(recording.pieces.join('')) as Loose)
  const { message = {}, finish_reason: finish, usage } = answer
  const { content = [], tool_plan: plan = '', tool_calls: calls = [], citations = [] } = message
  const joined = (field: string) => content.map((part: Loose) => part[field] ?? '').join('')
  return {
    text: joined('text'),
    reasoning: joined('thinking') + plan,
    calls: calls.map(({ function: called }: Loose) => ({
      name: called.name,
      arguments: JSON.parse(called.arguments || '{}') as unknown,
    })),
    outcome: recording.status >= 400 ? 'error' : (OUTCOME[finish] ?? 'failed'),
    usage: usage === undefined ? undefined : usageOf(usage),
    refusal: '',
    annotations: citations.flatMap((citation: Loose) =>
      citation['sources'].map((one: Loose) => pointOf(citation, one)),
    ),
  }
}

function usageOf({ tokens, cached_tokens: cached = 0 }: Loose): Said['usage'] {
  const { input_tokens: input, output_tokens: output, reasoning_tokens: reasoning = 0 } = tokens
  return { input, cached, output, reasoning }
}

const OUTCOME: Readonly<Record<string, Said['outcome']>> = {
  COMPLETE: 'completed',
  TOOL_CALL: 'completed',
  MAX_TOKENS: 'max_output_tokens',
}

/** Whether the finish has been seen in the first pieces of a stream. */
export function hasFinish(pieces: readonly string[]): boolean {
  return pieces.some((piece) => piece.startsWith('event: message-end') || piece.startsWith('data: [DONE]'))
}

/** Whether an error has been seen in the first pieces of a stream. */
export function hasErrorChunk(pieces: readonly string[]): boolean {
  return eventsOf(pieces).some(({ delta }) => delta?.error !== undefined)
}

function eventsOf(pieces: readonly string[]): Loose[] {
  return [...pieces.join('').matchAll(/^data: (\{.*\})$/gm)].map(([, text = '']) => JSON.parse(text) as Loose)
}

/** The events of a stream as the answer that would have been sent in one piece. */
function fold(events: readonly Loose[]): Loose {
  const messages = (type: string) =>
    events.filter((event) => event['type'] === type).map(({ index, delta }) => ({ index, ...delta.message }) as Loose)
  const joined = (type: string, index: number, read: (message: Loose) => string | undefined) =>
    messages(type)
      .filter((message) => message['index'] === index)
      .map((message) => read(message) ?? '')
      .join('')
  const content = messages('content-start').map(({ index }) => ({
    text: joined('content-delta', index, (message) => message['content'].text),
    thinking: joined('content-delta', index, (message) => message['content'].thinking),
  }))
  const calls = messages('tool-call-start').map(({ index, tool_calls: { function: called } }) => ({
    function: {
      name: called.name,
      arguments: joined('tool-call-delta', index, (message) => message['tool_calls'].function.arguments),
    },
  }))
  return {
    message: {
      content,
      tool_plan: messages('tool-plan-delta')
        .map((message) => message['tool_plan'] as string)
        .join(''),
      tool_calls: calls,
      citations: messages('citation-start').map((message) => message['citations'] as Loose),
    },
    ...events.find((event) => event['type'] === 'message-end')?.['delta'],
  }
}

/** What a citation points at: none of those that are recorded has a URL, and all are of the only text. */
function pointOf({ start, end }: Loose, { id, document }: Loose): string {
  const name = document?.title ?? id
  return JSON.stringify({
    type: 'file_citation',
    file_id: id,
    filename: name,
    index: end,
    start_index: start,
    end_index: end,
  })
}
