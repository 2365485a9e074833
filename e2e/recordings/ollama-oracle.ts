import type { Recording } from './load.ts'
import type { Said } from './said.ts'

// Recordings are what providers sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/** Reads a recording all at once, with the whole answer in view: on purpose another way than the server's. */
export function readAll(recording: Pick<Recording, 'pieces' | 'status'>): Said {
  const lines = linesOf(recording.pieces)
  const messages = lines.flatMap((line) => (line['message'] === undefined ? [] : [line['message'] as Loose]))
  const last = lines.at(-1) ?? {}
  const joined = (field: string) => messages.map((message) => message[field] ?? '').join('')
  return {
    text: joined('content'),
    reasoning: joined('thinking'),
    calls: messages
      .flatMap((message) => (message['tool_calls'] ?? []) as Loose[])
      .map(({ function: called }) => ({ name: called.name as string, arguments: called.arguments as unknown })),
    outcome: recording.status >= 400 ? 'error' : outcomeOf(lines),
    usage:
      last['prompt_eval_count'] === undefined
        ? undefined
        : { input: last['prompt_eval_count'], output: last['eval_count'] },
    refusal: '',
    annotations: [],
  }
}

/** Whether the finish has been seen in the first pieces of a stream. */
export function hasFinish(pieces: readonly string[]): boolean {
  return linesOf(pieces).some((line) => line['done'] === true)
}

/** Whether an error has been seen in the first pieces of a stream. */
export function hasErrorChunk(pieces: readonly string[]): boolean {
  return linesOf(pieces).some((line) => 'error' in line)
}

function linesOf(pieces: readonly string[]): Loose[] {
  return pieces
    .join('')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Loose)
}

function outcomeOf(lines: readonly Loose[]): Said['outcome'] {
  const end = lines.find((line) => line['done'] === true)
  if (end === undefined || lines.some((line) => 'error' in line)) return 'failed'
  return end['done_reason'] === 'length' ? 'max_output_tokens' : 'completed'
}
