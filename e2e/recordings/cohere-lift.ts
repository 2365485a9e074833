import type { RecordedRequest, Recording } from './load.ts'
import type { Lifted } from './replay.ts'

// Recordings are what clients sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/** A request to Cohere as a client of ours would have made it; or why there is none. */
export function lift({ request }: Recording & { readonly request: RecordedRequest }): Lifted {
  const { body } = request as { body: Loose }
  if ('documents' in body) return { reason: 'It brings documents, for which Responses has no words.' }
  return {
    ours: {
      input: body['messages'].flatMap(liftMessage),
      tools: (body['tools'] ?? []).map(({ function: called }: Loose) => ({ type: 'function', ...called })),
      ...(body['tool_choice'] === 'REQUIRED' ? { tool_choice: 'required' } : {}),
    },
    expected: plain(body),
    tell: (sent) => plain(sent as Loose),
  }
}

function liftMessage({ role, content, tool_calls: calls = [], tool_call_id: callId }: Loose): Loose[] {
  if (role === 'tool') return [{ type: 'function_call_output', call_id: callId, output: content }]
  const text = textOf(content)
  return [
    ...(text === '' ? [] : [{ role, content: text }]),
    ...calls.map(({ id, function: called }: Loose) => ({ type: 'function_call', call_id: id, ...called })),
  ]
}

/** All that is recorded is text. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  return ((content ?? []) as Loose[]).map((part) => part['text'] as string).join('')
}

/** A body with text by itself, whether it came as a part or not; how the answer comes is the server's affair. */
function plain({ stream: _stream, messages, ...body }: Loose): Loose {
  return {
    ...body,
    messages: messages.map(({ content, ...message }: Loose) => ({ ...message, content: textOf(content) })),
  }
}
