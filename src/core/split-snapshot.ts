import type { Response } from '../protocol/response.ts'
import type { OutputItem } from '../protocol/output-item.ts'
import { outputText } from './evolve.ts'

/**
 * A final snapshot as it is kept: what was said apart from the rest, because a thread is read by what was said
 * alone, and once, because `output_text` follows from it.
 */
export interface SplitSnapshot {
  /** The snapshot's JSON with `output` and `output_text` empty; whole where `output` is undefined. */
  readonly response: string
  /** The JSON of `output`. */
  readonly output: string | undefined
}

/** The two fields stand together in every snapshot; no string can hold this text, its quotes would be escaped. */
const EMPTY = '"output":[],"output_text":""'

/**
 * Splits a snapshot.
 *
 * @param text Its JSON.
 */
export function splitSnapshot({ output, output_text }: Response, text: string): SplitSnapshot {
  const outputJson = JSON.stringify(output)
  const said = `"output":${outputJson},"output_text":${JSON.stringify(output_text)}`
  const start = text.indexOf('"output":')
  if (!text.startsWith(said, start) || output_text !== outputText(output)) return { response: text, output: undefined }
  return { response: text.slice(0, start) + EMPTY + text.slice(start + said.length), output: outputJson }
}

/** The JSON of what was said, out of a snapshot that was kept whole too; an empty list where nothing was. */
export function outputIn({ response, output }: SplitSnapshot): string {
  if (output !== undefined) return output
  const { output: said = [] } = JSON.parse(response) as { output?: unknown[] } // Written by this program.
  return JSON.stringify(said)
}

/** The snapshot's JSON, letter for letter. */
export function joinSnapshot({ response, output }: SplitSnapshot): string {
  const start = response.indexOf(EMPTY)
  if (output === undefined || start === -1) return response
  const items = JSON.parse(output) as OutputItem[] // Written by this program and checked by checksum.
  const said = `"output":${output},"output_text":${JSON.stringify(outputText(items))}`
  return response.slice(0, start) + said + response.slice(start + EMPTY.length)
}
