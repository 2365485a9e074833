import type { Take } from '../../core/flow.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import { UpstreamError, type UpstreamProblem } from '../../core/upstream-error.ts'
import type { PreparedCall } from '../../providers/adapter.ts'
import { createGate, type GateOptions } from '../../providers/gate.ts'
import type { Gate } from '../../providers/routing.ts'
import { runTurn, type TurnContext } from '../turn.ts'
import { fakeClock, type FakeClock } from './fake-clock.ts'
import { recordingLogger, type RecordingLogger } from './fakes.ts'

type Batch = readonly ModelEvent[]

/** A first word. */
export const HELLO: ModelEvent = { type: 'text', text: 'Hello' }

/** A provider's failure. */
export function fault(problem: Partial<UpstreamProblem> = {}): UpstreamError {
  return new UpstreamError({ fault: 'unavailable', message: 'It failed.', ...problem })
}

/** A call whose tries go as listed: batches are said, errors thrown. */
export function tries(...scripts: readonly (readonly (Batch | Error)[])[]): {
  readonly call: PreparedCall
  /** How often it was made. */
  readonly sent: () => number
} {
  let sent = 0
  const call: PreparedCall = {
    warnings: [],
    async send(signal, say) {
      for (const step of scripts[sent++] ?? []) {
        signal.throwIfAborted()
        if (step instanceof Error) throw step
        await say(step)
      }
    },
  }
  return { call, sent: () => sent }
}

/** What a test may choose. */
export interface TurnOptions extends Omit<GateOptions, 'clock'> {
  /** The calls of other models that may be asked, in order: each has a provider of its own. */
  readonly others?: readonly PreparedCall[]
  readonly isPatient?: boolean
  /** How much time there is, in milliseconds. */
  readonly response_ms?: number
  /** Whether nothing is waited for. */
  readonly isHasty?: boolean
  /** Called with what is said. */
  readonly say?: Take<Batch>
}

/** Turns at the same providers. */
export interface TurnStage {
  readonly clock: FakeClock
  readonly logger: RecordingLogger
  /** What was said, by whichever turn. */
  readonly batches: readonly Batch[]
  /** What the turns have told of themselves, in order. */
  readonly told: readonly string[]
  /** That of the first model, and of the others. */
  readonly gates: readonly Gate[]
  /** Begins another turn. */
  begin(options?: Pick<TurnOptions, 'isPatient'>): { readonly ended: Promise<void>; readonly control: AbortController }
}

/** Makes a stage for turns, on which time stands still. */
export function turnStage(call: PreparedCall, options: TurnOptions = {}): TurnStage {
  const { others = [], response_ms = 800_000, isHasty = false } = options
  const clock = fakeClock()
  const logger = recordingLogger()
  const batches: Batch[] = []
  const told: string[] = []
  const targets = [call, ...others].map((prepared, index) => {
    const model = index === 0 ? 'model' : `other ${index}`
    return { gate: createGate({ clock, ...options }), model, prepared }
  })
  const say: Take<Batch> = (batch) => {
    batches.push(batch)
    return options.say?.(batch)
  }
  const begin: TurnStage['begin'] = ({ isPatient = options.isPatient ?? false } = {}) => {
    const control = new AbortController()
    const left = [...targets]
    const waits = isHasty ? undefined : { clock, deadline_ms: clock.now() + response_ms }
    const context = { ...listeners(told), signal: control.signal, logger, isPatient, waits, target: left.shift() }
    const turnToNext = async () => {
      const next = left.shift()
      if (next !== undefined) context.target = next
      return next !== undefined
    }
    // There is a first model.
    const ended = runTurn<Batch>(Object.assign(context, { turnToNext }) as TurnContext<Batch>, say)
    ended.catch(() => {})
    return { ended, control }
  }
  return { clock, logger, batches, told, gates: targets.map(({ gate }) => gate), begin }
}

function listeners(told: string[]) {
  return {
    onSent: (attempt: number) => void told.push(`sent ${attempt}`),
    onLeft: () => {},
    onAccepted: () => void told.push('accepted'),
    onBegun: () => void told.push('begun'),
    onFailed: (name: string) => void told.push(`failed: ${name}`),
    onRefused: (reason: string) => void told.push(`refused: ${reason}`),
  }
}
