import type { Script } from './script.ts'
import { Witness, type Kind } from './witness.ts'

/** Something that must never happen. */
export interface Violation {
  readonly rule: Rule
  readonly cycle: number
  readonly tag: string
  readonly id: string
  readonly detail: string
}

/** What is looked for. */
export const RULES = {
  lost: 'an id that was seen is unknown, or its work never became known to the provider',
  twice: 'a provider was asked more often than crashes explain, or an answer is not that of one call',
  stuck: 'a response has not ended in time after the last start',
  flip: 'a status went back, or what had ended changed',
  stream: 'a stream has a gap, tells something else than before, or is not what is stored',
  unprovoked: 'a response failed, or a request was refused, though nothing had happened to it',
  server: 'the server ended by itself, or could not start',
} as const

/** A rule that was broken. */
export type Rule = keyof typeof RULES

/** One request, from before it was sent. */
export interface Deed {
  readonly kind: Kind
  readonly script: Script
  /** Whether it bears a key, and is the same request whenever it is sent. */
  readonly isKeyed: boolean
  /** How many servers were killed since it was sent and before its end was known. */
  hits: number
  /** Whether its client has asked for less than all: it has cancelled, deleted or hung up. */
  wasStopped: boolean
  /** Whether its end is known, or it is known that there is nothing to end. */
  isOver: boolean
  /** Its response, once an id was seen. */
  witness: Witness | undefined
}

/** All that the clients of one data file have done and seen. Written before anything else happens. */
export class Journal {
  readonly deeds: Deed[] = []
  readonly violations: Violation[] = []
  readonly #byId = new Map<string, Witness>()
  cycle = 0

  /** Writes down that a request is about to be sent. */
  begin(plan: Pick<Deed, 'kind' | 'script' | 'isKeyed'>): Deed {
    const deed: Deed = { ...plan, hits: 0, wasStopped: false, isOver: false, witness: undefined }
    this.deeds.push(deed)
    return deed
  }

  /** Writes down that a client was told of a response. @returns undefined where it was told of another one before. */
  accept(deed: Deed, id: string): Witness | undefined {
    if (deed.witness?.id === id) return deed.witness
    if (deed.witness !== undefined || this.#byId.has(id)) {
      this.blame('twice', deed, `it was given ${id}, which is another request's, or not its first`)
      return undefined
    }
    const witness = new Witness(id, deed, (rule, detail) => this.blame(rule, deed, detail))
    deed.witness = witness
    this.#byId.set(id, witness)
    return witness
  }

  blame(rule: Rule, deed: Deed | undefined, detail: string): void {
    const id = deed?.witness?.id ?? ''
    const about = deed === undefined ? '' : `${whatIs(deed)}: `
    this.violations.push({ rule, cycle: this.cycle, tag: deed?.script.tag ?? '', id, detail: about + detail })
  }

  /** All responses that anybody was told of. */
  witnesses(): readonly Witness[] {
    return [...this.#byId.values()]
  }

  /** Requests that can be sent again, because they bear a key, and of which nobody was told anything yet. */
  untold(): readonly Deed[] {
    return this.deeds.filter(
      ({ isKeyed, witness, isOver, wasStopped }) => isKeyed && !witness && !isOver && !wasStopped,
    )
  }

  /** Those whose end is not known. */
  open(): readonly Witness[] {
    return this.witnesses().filter(({ deed }) => !deed.isOver)
  }

  /** A server was killed: it has hit whatever has not ended. */
  killed(): void {
    for (const deed of this.deeds) if (!deed.isOver) deed.hits++
  }
}

function whatIs({ kind, isKeyed, wasStopped, hits }: Deed): string {
  return [kind, isKeyed && 'with a key', wasStopped && 'stopped by its client', `hit ${hits} times`]
    .filter((part) => part !== false)
    .join(', ')
}
