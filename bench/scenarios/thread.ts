import { openLoad, repeat, type Load } from '../rig/load.ts'
import type { Rig } from '../rig/rig.ts'
import { writeScript } from '../rig/script.ts'
import { cpuOfEach, WHOLE } from './cost.ts'

/** CPU of turn n of a thread, in microseconds: the place in the list is n - 1. */
export interface ThreadCost {
  /** Chained: the request names the turn before. */
  readonly chained_us: readonly number[]
  /** The same bytes without a thread: the request brings everything that was said, and none of it is stored. */
  readonly carried_us: readonly number[]
}

/** How much is done. */
export interface ThreadAmounts {
  readonly threads: number
  readonly turns: number
}

const CONNECTIONS = 16

/** Answers before anything is measured: the early turns would be of code that is not compiled yet. */
const WARM_ANSWERS = 3000

/** About 300 characters: what people type. */
const PROMPT = 'What is the answer to the question that I have asked before, and why? '.repeat(4)

type Item = { readonly role: string; readonly content: string }

/** What each turn of a thread costs, and what it costs to carry the same conversation in the request. */
export async function measureThread(rig: Rig, { threads, turns }: ThreadAmounts): Promise<ThreadCost> {
  const load = openLoad(rig.antiphon.target, CONNECTIONS, rig.askPort)
  const last: string[] = []
  const said: Item[] = []
  const [chained_us, carried_us]: [number[], number[]] = [[], []]
  const each = (act: (thread: number) => Promise<unknown>) =>
    cpuOfEach(rig.antiphon, threads, () => repeat(threads, CONNECTIONS, act))
  const input = { role: 'user', content: PROMPT + writeScript(WHOLE) }
  const first = await answer(load, { input: [input] })
  await repeat(WARM_ANSWERS, CONNECTIONS, () => answer(load, { input: [input], previous_response_id: first }))
  for (let turn = 1; turn <= turns; turn++) {
    chained_us.push(
      await each(async (thread) => {
        last[thread] = await answer(load, { input: [input], previous_response_id: last[thread] ?? null })
      }),
    )
    carried_us.push(await each(() => answer(load, { input: [...said, input], store: false })))
    said.push(input, { role: 'assistant', content: '~word '.repeat(WHOLE.chunks) })
  }
  await load.close()
  return { chained_us, carried_us }
}

/** @returns the id of the answer. */
async function answer(load: Load, fields: object): Promise<string> {
  const { text } = await load.post({ model: 'mock', ...fields }, WHOLE)
  return (JSON.parse(text) as { id: string }).id // A response has one.
}
