import type { Random } from '../fuzz/random.ts'
import { parseScript } from '../harness/fault-script.ts'

/** What the provider is told to do for one response, call by call. */
export interface Script {
  /** Whom its calls are counted for. */
  readonly tag: string
  readonly prompt: string
  /** What a call says and what it costs: different for every call, so that an answer tells which one it is of. */
  expected(call: number): { readonly words: number; readonly input: number }
}

/** More calls than any response may have. */
const CALLS = 6

/** Writes a script: mostly quick, sometimes slow at first, so that kills find it in the middle of its answer. */
export function writeScript(tag: string, random: Random): Script {
  const base = 5 + random.below(1000)
  const isSlow = random.chance(0.2)
  const parts = Array.from({ length: CALLS }, (_, index) => {
    const isHeldUp = isSlow && index === 0
    const chunks = isHeldUp ? 8 : 1 + random.below(8)
    const pace = isHeldUp ? 25 : random.below(5)
    return `chunks=${chunks} pace=${pace} first=${random.below(10)} input=${base + index}`
  })
  return scriptOf(tag, parts.join(' | '))
}

/** A script of these words (see `harness/fault-script.ts`). */
export function scriptOf(tag: string, words: string): Script {
  return {
    tag,
    prompt: `Say something. [tag:${tag}] [do: ${words}]`,
    expected(call) {
      const { chunks, inputTokens } = parseScript(words, call)
      return { words: chunks, input: inputTokens }
    },
  }
}
