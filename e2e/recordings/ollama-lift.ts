import type { RecordedRequest, Recording } from './load.ts'
import type { Lifted } from './replay.ts'

// Recordings are what clients sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/** A request to Ollama as a client of ours would have made it. */
export function lift({ request }: Recording & { readonly request: RecordedRequest }): Lifted {
  const { body } = request as { body: Loose }
  const { messages, tools = [], options = {}, format } = body
  return {
    ours: {
      input: messages.map(({ role, content }: Loose) => ({ role, content })),
      tools: tools.map(({ function: called }: Loose) => ({ type: 'function', ...called })),
      temperature: options.temperature,
      seed: options.seed,
      ...(format === undefined ? {} : { text: { format: { type: 'json_schema', name: 'answer', schema: format } } }),
    },
    expected: plain(body),
    tell: (sent) => plain(sent as Loose),
  }
}

/**
 * A body without what means the same as nothing: an empty list of tools, a field that Ollama does not know. How the
 * answer comes is the server's affair, and so is that a thread which does not fit shall fail.
 */
function plain({ stream: _stream, truncate: _truncate, shift: _shift, schema: _schema, tools, ...body }: Loose): Loose {
  return { ...body, tools: tools ?? [] }
}
