import { setImmediate } from 'node:timers/promises'
import type { ModelCall } from '../../core/model-call.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import type { Take } from '../../core/flow.ts'
import type { Adapter } from '../adapter.ts'
import type { ContentTable } from '../content.ts'
import type { Family } from '../family.ts'
import { FIELD_NAMES, map, type CallField, type FieldTable } from '../fields.ts'
import { planAnswer } from './script.ts'

/** Waits, or throws the signal's reason. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

/** The model of no provider: it looks at everything it is sent. */
export const demo: Family = {
  about: 'The built-in model: no network, the same answer to the same request.',
  create: ({ id, sleep }) => ({ ...demoAdapter(sleep), id }),
  fieldsOf: () => FIELDS,
  contentOf: () => CONTENT,
}

// The names are those of the table.
const FIELDS = Object.fromEntries(
  (Object.entries(FIELD_NAMES) as [CallField, string][]).map(([field, name]) => [field, map(name)]),
) as FieldTable

const CONTENT: ContentTable = {
  imageData: 'map',
  imageUrl: 'map',
  imageDetail: 'map',
  fileData: 'map',
  fileUrl: 'map',
  resultParts: 'map',
}

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
    content: CONTENT,
    takesSchemas: () => true,
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
