import { TAKES_ALL } from '../../providers/testing/content.ts'
import type { ModelCall } from '../../core/model-call.ts'
import type { FinishEvent, ModelEvent } from '../../core/model-event.ts'
import type { Usage } from '../../protocol/usage.ts'
import type { Adapter } from '../../providers/adapter.ts'

/** What a scripted model reports. */
export const USAGE: Usage = {
  input_tokens: 11,
  input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
  output_tokens: 7,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 18,
}

/** The model ended its turn by itself. */
export const FINISH: FinishEvent = { type: 'finish', reason: 'stop', usage: USAGE }

/** One call of the model, played by the test. */
export interface ScriptedCall {
  readonly call: ModelCall
  /** Whether the provider is no longer listened to: its connection is closed. */
  isOver(): boolean
  /** The provider takes the call. */
  accept(): void
  /** The provider says something, in one read. With a `finish` among it, the call is over. */
  say(...events: readonly ModelEvent[]): void
  /** The call fails. */
  fail(error: Error): void
  /** The stream ends without a `finish`. */
  end(): void
}

/** A model whose every word comes from the test. */
export interface ScriptedModel {
  readonly adapter: Adapter
  /** Every call so far, oldest first. */
  readonly calls: readonly ScriptedCall[]
}

type Step = { kind: 'batch'; events: readonly ModelEvent[] } | { kind: 'fail'; error: Error } | { kind: 'end' }

/**
 * Makes a model.
 *
 * @param answer Called with every call as it comes in, for models that need no help.
 */
export function scriptedModel(id: string, answer: (call: ScriptedCall) => void = () => {}): ScriptedModel {
  const calls: ScriptedCall[] = []
  const adapter: Adapter = {
    id,
    families: new RegExp(`^${id}$`),
    content: TAKES_ALL,
    takesSchemas: () => true,
    prepare: (call) => ({
      warnings: [],
      async send(signal, say) {
        const steps = new StepQueue()
        let isOver = false
        const scripted: ScriptedCall = {
          call,
          isOver: () => isOver,
          accept: () => steps.push({ kind: 'batch', events: [] }),
          say: (...events) => steps.push({ kind: 'batch', events }),
          fail: (error) => steps.push({ kind: 'fail', error }),
          end: () => steps.push({ kind: 'end' }),
        }
        calls.push(scripted)
        answer(scripted)
        try {
          for (;;) {
            const step = await steps.next(signal)
            if (step.kind === 'end') return
            if (step.kind === 'fail') throw step.error
            await say(step.events)
            if (step.events.some(({ type }) => type === 'finish')) return
          }
        } finally {
          isOver = true
        }
      },
    }),
    listModels: async () => [id],
  }
  return { adapter, calls }
}

/** Says one text and finishes. */
export function answerWith(text: string): (call: ScriptedCall) => void {
  return (call) => {
    call.accept()
    call.say({ type: 'text', text })
    call.say(FINISH)
  }
}

class StepQueue {
  readonly #steps: Step[] = []
  #arrival = Promise.withResolvers<void>()

  push(step: Step): void {
    this.#steps.push(step)
    this.#arrival.resolve()
  }

  /** @throws The signal's reason, also while it waits. */
  async next(signal: AbortSignal): Promise<Step> {
    for (;;) {
      signal.throwIfAborted()
      const step = this.#steps.shift()
      if (step !== undefined) return step
      this.#arrival = Promise.withResolvers()
      const wake = () => this.#arrival.resolve()
      signal.addEventListener('abort', wake, { once: true })
      await this.#arrival.promise
      signal.removeEventListener('abort', wake)
    }
  }
}
