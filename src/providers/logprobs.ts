import type { Logprob } from '../protocol/part.ts'
import { numberIn, objectsIn, textIn } from './loose.ts'

/** The probability of a token as OpenAI words it, and others after it. */
export interface WireLogprob {
  readonly token?: string
  readonly logprob?: number
  readonly bytes?: readonly number[] | null
  readonly top_logprobs?: readonly WireLogprob[] | null
}

/** The probability of one token and of its rivals; bytes that are not given are none. */
export function readLogprob(wire: WireLogprob): Logprob {
  const token = ({ token: text, logprob, bytes }: WireLogprob) => ({
    token: textIn(text),
    logprob: numberIn(logprob),
    bytes: Array.isArray(bytes) ? bytes.map(numberIn) : [],
  })
  return { ...token(wire), top_logprobs: objectsIn(wire.top_logprobs).map(token) }
}
