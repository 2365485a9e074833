import type { RecordedRequest, Recording } from './load.ts'
import type { Lifted } from './replay.ts'

// Recordings are what clients sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/** A request to Responses as a client of ours would have made it; or why there is none. */
export function lift({ request }: Recording & { readonly request: RecordedRequest }): Lifted {
  const { body } = request
  const reason = WHY_NOT.find(([, is]) => is(body))?.[0]
  if (reason !== undefined) return { reason }
  return { ours: body, expected: plain(body), tell: (sent) => plain(sent as Loose) }
}

const itemsOf = ({ input }: Loose): Loose[] => (Array.isArray(input) ? input : [])
const toolsOf = ({ tools }: Loose): Loose[] => tools ?? []

const OWN_TOOLS = new Set(['function', 'custom', 'namespace'])

/** What requests ask for that the server does not offer. */
const WHY_NOT: readonly (readonly [reason: string, is: (body: Loose) => boolean])[] = [
  [
    "It offers tools of the provider's own, or loads them late.",
    (body) => toolsOf(body).some(({ type, defer_loading: isLate }) => !OWN_TOOLS.has(type) || isLate),
  ],
  [
    'It brings reasoning back: what is sealed is compared by another test.',
    (body) => itemsOf(body).some(({ type }) => type === 'reasoning'),
  ],
  ["It has settings of the provider's own.", (body) => 'provider' in body],
]

/**
 * A body without what means the same as nothing: the documented defaults, ids of items, and whether it is streamed
 * or stored, which is the server's affair; so is what it asks for to give it back.
 */
function plain(body: Loose): Loose {
  const { stream: _stream, store: _store, include = [], tool_choice: choice = 'auto', input, ...rest } = body
  const asked = include.filter((what: string) => what !== 'reasoning.encrypted_content')
  const items: Loose[] = Array.isArray(input) ? input : [{ role: 'user', content: input }]
  return { ...rest, include: asked, tool_choice: choice, input: items.map(plainItem) }
}

function plainItem({ id: _id, status: _status, type = 'message', content, ...item }: Loose): Loose {
  return { type, ...item, ...(content === undefined ? {} : { content: plainParts(content, item['role']) }) }
}

/** Text is the same as a part or by itself, and nothing is cited by a part without citations. */
function plainParts(content: unknown, role: string): Loose[] {
  const type = role === 'assistant' ? 'output_text' : 'input_text'
  if (typeof content === 'string') return [{ type, text: content }]
  return (content as Loose[]).map(({ annotations: _cited, logprobs: _probable, ...part }) => part)
}
