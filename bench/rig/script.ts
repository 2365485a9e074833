/** What one call asks of the mock upstream: written by the load into the prompt, read there out of it. */
export interface Script {
  /** How many chunks of text the answer has. */
  readonly chunks: number
  /**
   * When they come: `together` in one write, `asked` each when the reader of the answer has the one before,
   * `silent` the first at once and then nothing, or so many a second, each in a write of its own.
   */
  readonly pace: 'together' | 'asked' | 'silent' | { readonly perSecond: number }
  /** Names the answer where the load asks for its chunks, or wants to know when the call came. */
  readonly id?: string
}

const MARK = 'script:'

/** The text that stands in the prompt. */
export function writeScript(script: Script): string {
  return MARK + JSON.stringify(script)
}

/** The script in a call's JSON text; the prompt is a JSON string inside it. A call without one is refused. */
export function readScript(body: string): Script {
  const start = body.lastIndexOf(MARK)
  if (start === -1) throw new Error('The call holds no script.')
  const text = body.slice(start + MARK.length, body.indexOf('}"', start) + 1)
  return JSON.parse(text.replaceAll('\\"', '"')) as Script // Written by writeScript.
}

/** Stands once in every chunk of text, so that a reader can count chunks in whatever they became. */
export const CHUNK_MARK = '~'

/** One word of the answer; with the time of its sending, in nanoseconds, where delays are measured. */
export function chunkText(sentAt_ns?: bigint): string {
  return sentAt_ns === undefined ? `${CHUNK_MARK}word ` : `${CHUNK_MARK}${sentAt_ns};`
}

/** A chunk as Chat Completions frames it, of the size that providers send (about 200 bytes). */
export function chunkFrame(text: string): string {
  return frame({ choices: [{ index: 0, delta: { content: text }, logprobs: null, finish_reason: null }] })
}

/** How the answer ends: the finish, the usage, the end mark. */
export function endFrames(chunks: number): string {
  const finish = frame({ choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }] })
  return `${finish}${frame({ choices: [], usage: usageOf(chunks) })}data: [DONE]\n\n`
}

/** The same answer in one piece. */
export function wholeAnswer(chunks: number): string {
  const message = { role: 'assistant', content: chunkText().repeat(chunks), refusal: null }
  return JSON.stringify({
    ...HEAD,
    object: 'chat.completion',
    choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
    usage: usageOf(chunks),
  })
}

const HEAD = { id: 'chatcmpl-0123456789abcdef', object: 'chat.completion.chunk', created: 1_790_000_000, model: 'mock' }

function frame(fields: object): string {
  return `data: ${JSON.stringify({ ...HEAD, ...fields })}\n\n`
}

function usageOf(chunks: number) {
  return { prompt_tokens: 20, completion_tokens: chunks, total_tokens: 20 + chunks }
}
