import { setTimeout as sleep } from 'node:timers/promises'
import { Journal, type Violation } from '../chaos/journal.ts'
import { scriptOf, type Script } from '../chaos/script.ts'
import { beginDeed, submit, type Stage } from '../chaos/submission.ts'
import { replay, runTraffic } from '../chaos/traffic.ts'
import type { Asked, Heard, Reply, Wire } from '../chaos/wire.ts'
import type { Kind } from '../chaos/witness.ts'
import type { Random } from '../fuzz/random.ts'

/** One request, from when it was sent until its answer had begun. */
export interface Sample {
  readonly start_ms: number
  readonly end_ms: number
  readonly status: number
  /** Such as `POST /responses`. */
  readonly what: string
}

/** What clients of several processes work with. */
export interface CrowdParts {
  /** The way that the next request takes. */
  readonly wire: () => Wire
  readonly random: Random
  /** Whether a connection that is cut is no fault: it breaks with what is asked here. */
  readonly life: Stage['life']
  /** Groups of six clients that do everything there is, in turn. */
  readonly groups: number
  /** Clients that ask for answers which take seconds. */
  readonly patient: number
  /** How often somebody else comes, whatever becomes of those who came before, in milliseconds. */
  readonly arrival_ms: number
}

const REFUSED = 503

const NOTHING = /(?!)/

/** Before the same is asked again, in milliseconds: sooner than a client should, to ask more. */
const AGAIN_MS = 200

/** More often than any outage lasts. */
const TRIES_MAX = 100

/** Clients of several processes, who come again where they are refused, and all that they have seen. */
export class Crowd {
  readonly journal = new Journal()
  readonly samples: Sample[] = []
  /** Refusals that do not say when to come again. */
  readonly rude: string[] = []
  readonly stage: Stage
  readonly #parts: CrowdParts
  readonly #over = new AbortController()
  #working: readonly Promise<void>[] = []

  constructor(parts: CrowdParts) {
    this.#parts = parts
    this.stage = { life: parts.life, wire: this.#patientWire(), journal: this.journal }
  }

  /** Begins. */
  start(): void {
    const { groups, patient, random } = this.#parts
    this.#working = [
      this.#arrive(),
      ...Array.from({ length: groups }, () => this.#repeat(() => runTraffic(this.stage, random))),
      ...Array.from({ length: patient }, () => this.#repeat(() => this.#takeTime())),
    ]
  }

  /** Begins nothing more. Resolves when all requests are over. */
  async stop(): Promise<void> {
    this.#over.abort()
    await Promise.all(this.#working)
  }

  /** What was wrong. Requests without a key that were refused are not; what else is not is told. */
  violations(isRight: RegExp = NOTHING): readonly Violation[] {
    const isRefusal = (detail: string) => detail.includes(`refused: ${REFUSED} `)
    return this.journal.violations.filter(({ detail }) => !isRefusal(detail) && !isRight.test(detail))
  }

  /** What the provider was told, by tag. */
  scripts(): ReadonlyMap<string, Script> {
    return new Map(this.journal.deeds.map(({ script }) => [script.tag, script]))
  }

  async #arrive(): Promise<void> {
    const { random, arrival_ms } = this.#parts
    const coming: Promise<void>[] = []
    while (!this.#over.signal.aborted) {
      const deed = beginDeed(this.journal, random.pick(['job', 'json', 'stream']), random)
      coming.push(submit(this.stage, deed))
      await sleep(arrival_ms)
    }
    await Promise.all(coming)
  }

  async #repeat(act: () => Promise<void>): Promise<void> {
    while (!this.#over.signal.aborted) await act()
  }

  /** Asks for something that takes 1 to 3 s, and reads it as it comes. */
  async #takeTime(): Promise<void> {
    const { journal, stage } = this
    const { random } = this.#parts
    const tag = `slow-${journal.deeds.length}`
    const script = scriptOf(tag, slowWords(random))
    const kind: Kind = random.pick(['stream', 'stream', 'job', 'json'])
    const deed = journal.begin({ kind, script, isKeyed: random.chance(0.3) })
    await submit(stage, deed)
    if (kind === 'job' && deed.witness !== undefined && random.chance(0.7)) await replay(stage, deed.witness, 0)
  }

  /** Asks again where the same may be asked again; otherwise a refusal is an answer. */
  #patientWire(): Wire {
    const { wire } = this.#parts
    const again = async <Answer extends Heard | Reply>(asked: Asked, ask: () => Promise<Answer>): Promise<Answer> => {
      for (let tries = 1; ; tries++) {
        const answer = await ask()
        if (answer.status !== REFUSED || !isRepeatable(asked) || tries === TRIES_MAX) return answer
        await sleep(AGAIN_MS)
      }
    }
    return {
      ask: async (asked) => {
        const reply = await again(asked, async () => {
          const start_ms = performance.now()
          const { status, text, retryAfter } = (await wire().ask(asked)) ?? CUT
          this.#note({ asked, start_ms, end_ms: performance.now() }, { status, text, retryAfter })
          return { status, text, retryAfter }
        })
        return reply.status === CUT.status ? undefined : reply
      },
      follow: (asked, onEvent) =>
        again(asked, async () => {
          const start_ms = performance.now()
          let begun_ms: number | undefined
          const heard = await wire().follow(asked, (data) => {
            begun_ms ??= performance.now()
            return onEvent?.(data)
          })
          this.#note({ asked, start_ms, end_ms: begun_ms ?? performance.now() }, heard)
          return heard
        }),
      close: () => {},
    }
  }

  #note({ asked, start_ms, end_ms }: Timing, { status, text, retryAfter }: Reply): void {
    this.samples.push({ start_ms, end_ms, status, what: whatIs(asked) })
    if (status === REFUSED && !/^[1-9]\d*$/.test(retryAfter ?? '')) this.rude.push(text)
  }
}

/** When a request was sent, and when its answer had begun. */
interface Timing {
  readonly asked: Asked
  readonly start_ms: number
  readonly end_ms: number
}

function whatIs({ method, path, body = {} }: Asked): string {
  const kind = Object.keys(body).filter((key) => key === 'background' || key === 'stream')
  return [method, path.replace(/resp_\w+/, ':id').replace(/(?<=after=)\d+/, 'N'), ...kind].join(' ')
}

/** Its connection broke. */
const CUT: Reply = { status: 0, text: '' }

/** Whether the same request, sent again, does nothing twice. */
function isRepeatable({ method, path, headers }: Asked): boolean {
  return method !== 'POST' || path.endsWith('/cancel') || headers?.['idempotency-key'] !== undefined
}

function slowWords(random: Random): string {
  const base = 2000 + random.below(1000)
  const pace = 50 + random.below(100)
  const parts = [0, 1, 2].map((call) => `chunks=${15 + random.below(10)} pace=${pace} input=${base + call}`)
  return parts.join(' | ')
}
