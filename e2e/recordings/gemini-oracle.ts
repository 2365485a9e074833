import type { Recording } from './load.ts'
import type { Said } from './said.ts'

// Recordings are what providers sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/**
 * Reads a recording all at once, with the whole answer in view: on purpose another way than the
 * server's, which sees one piece at a time.
 */
export function readAll(recording: Pick<Recording, 'pieces' | 'isStream' | 'status'>): Said {
  const chunks = chunksOf(recording)
  const candidates = chunks.flatMap((chunk) => (chunk['candidates'] ?? []) as Loose[])
  const parts = candidates.flatMap((candidate) => (candidate['content']?.parts ?? []) as Loose[])
  const texts = parts.filter((part) => 'text' in part)
  return {
    text: joined(texts.filter((part) => part['thought'] !== true)),
    reasoning: joined(texts.filter((part) => part['thought'] === true)),
    calls: parts.flatMap(({ functionCall: call }) =>
      call === undefined ? [] : [{ name: call.name as string, arguments: call.args as unknown }],
    ),
    outcome: recording.status >= 400 ? 'error' : outcomeOf(chunks),
    usage: usageOf(chunks),
    refusal: chunks.map((chunk) => chunk['promptFeedback']?.blockReasonMessage ?? '').join(''),
    annotations: candidates.flatMap(citedIn),
  }
}

/** The model in a path of generateContent. */
export function pathModel(path: string): string {
  return decodeURIComponent(/\/models\/([^/:]+):(?:streamG|g)enerateContent/.exec(path)?.[1] ?? '')
}

/**
 * What a model must be given back of its own turn: calls, text, and every part that is signed, in their order.
 * Text that was sent in pieces is one part, unless a signature ends a piece.
 */
export function partsToReturn(recording: Pick<Recording, 'pieces' | 'isStream'>): readonly Loose[] {
  const parts = chunksOf(recording)
    .flatMap((chunk) => (chunk['candidates'] ?? []) as Loose[])
    .flatMap((candidate) => (candidate['content']?.parts ?? []) as Loose[])
  const kept = parts.filter((part) => isSigned(part) || 'functionCall' in part || isPlain(part))
  const joinedParts: Loose[] = []
  for (const part of kept) {
    const last = joinedParts.at(-1)
    if (last !== undefined && isPlain(last) && isPlain(part)) joinedParts.splice(-1, 1, merged(last, part))
    else joinedParts.push(part)
  }
  return joinedParts
}

function merged(before: Loose, after: Loose): Loose {
  return { text: before['text'] + after['text'] }
}

/** Whether a part may not be changed. */
export function isSigned(part: Loose): boolean {
  return (part['thoughtSignature'] ?? '') !== ''
}

function isPlain(part: Loose): boolean {
  return !isSigned(part) && part['thought'] !== true && (part['text'] ?? '') !== ''
}

/** Whether the finish has been seen in the first pieces of a stream. */
export function hasFinish(pieces: readonly string[]): boolean {
  return streamChunks(pieces).some((chunk) => endOf(chunk) !== undefined)
}

/** Whether an error has been seen in the first pieces of a stream. */
export function hasErrorChunk(pieces: readonly string[]): boolean {
  return streamChunks(pieces).some((chunk) => 'error' in chunk)
}

function chunksOf({ pieces, isStream }: Pick<Recording, 'pieces' | 'isStream'>): Loose[] {
  return isStream ? streamChunks(pieces) : [JSON.parse(pieces.join('')) as Loose].flat()
}

/** Events, and the bare JSON that may follow them. */
function streamChunks(pieces: readonly string[]): Loose[] {
  const text = pieces.join('')
  const events = [...text.matchAll(/^data: (\{.*\})\s*$/gm)].map(([, json = '']) => json)
  const bare = /^\{[\s\S]*\}\s*$/m.exec(text)
  return [...events, ...(bare === null ? [] : [bare[0]])].map((json) => JSON.parse(json) as Loose)
}

function joined(parts: readonly Loose[]): string {
  return parts.map((part) => part['text']).join('')
}

/** The last word for the end that a chunk has. */
function endOf(chunk: Loose): unknown {
  return chunk['promptFeedback']?.blockReason ?? chunk['candidates']?.[0]?.finishReason
}

function outcomeOf(chunks: readonly Loose[]): Said['outcome'] {
  const end = chunks.map(endOf).findLast((word) => word !== undefined)
  if (end === undefined || chunks.some((chunk) => 'error' in chunk)) return 'failed'
  if (end === 'MAX_TOKENS' || end === 2) return 'max_output_tokens'
  return end === 'SAFETY' ? 'content_filter' : 'completed'
}

/** The last complete count; output is whatever of the total is not input. */
function usageOf(chunks: readonly Loose[]): Said['usage'] {
  const last = chunks.map((chunk) => chunk['usageMetadata']).findLast((usage) => usage?.promptTokenCount !== undefined)
  if (last === undefined) return undefined
  const input = last.promptTokenCount + (last.toolUsePromptTokenCount ?? 0)
  const [cached, reasoning] = [last.cachedContentTokenCount ?? 0, last.thoughtsTokenCount ?? 0]
  return { input, cached, output: last.totalTokenCount - input, reasoning }
}

/** What the supports of a grounding point at. */
function citedIn({ groundingMetadata: grounding }: Loose): string[] {
  const supports: Loose[] = grounding?.groundingSupports ?? []
  return supports.flatMap(({ groundingChunkIndices: indexes }) =>
    (indexes as number[]).flatMap((index) => grounding.groundingChunks[index].web?.uri ?? []),
  )
}
