import { setImmediate } from 'node:timers/promises'
import type { ModelCall } from '../../core/model-call.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import type { Take } from '../../core/flow.ts'
import type { Adapter } from '../adapter.ts'
import { planAnswer } from './script.ts'

/** Waits, or throws the signal's reason. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

/** Steps after which everybody else gets a turn: a network would give them one at every read. */
const STEPS_PER_TURN = 100

/**
 * The built-in model: no network, no chance. The same request gets the same answer, word for word.
 * Its little language is in `script.ts` and docs/demo-model.md.
 */
export function demoAdapter(sleep: Sleep): Adapter {
  return {
    id: 'demo',
    families: /^demo$/,
    forwardsUrls: true,
    prepare: (call) => ({ warnings: [], send: (signal, say) => perform({ call, sleep, say }, signal) }),
    listModels: () => Promise.resolve(['demo']),
  }
}

/** A call, and what playing it needs. */
interface Performance {
  readonly call: ModelCall
  readonly sleep: Sleep
  readonly say: Take<readonly ModelEvent[]>
}

async function perform({ call, sleep, say }: Performance, signal: AbortSignal): Promise<void> {
  await say([])
  for (const [index, step] of planAnswer(call).entries()) {
    if (index % STEPS_PER_TURN === STEPS_PER_TURN - 1) await setImmediate()
    signal.throwIfAborted()
    if (step.kind === 'wait') await sleep(step.ms, signal)
    else if (step.kind === 'fail') throw step.error
    else await say([step.event])
  }
}
