import { isDeepStrictEqual } from 'node:util'
import { readWords } from '../harness/fault-speech.ts'
import type { Deed, Rule } from './journal.ts'
import {
  agree,
  compare,
  foldFault,
  isTerminalEvent,
  numberFault,
  saidBeyondEnd,
  snapshotIn,
  textOf,
  type Snapshot,
} from './telling.ts'
import type { Heard, Reply } from './wire.ts'

/** How a response is made. */
export type Kind = 'job' | 'stream' | 'json'

/** What was known when a question was asked: its answer may be no older than this. */
export interface Known {
  readonly rank: number
  readonly isDeleted: boolean
  /** Whether a deletion was asked for, and has died with its server: the answer tells what has become of it. */
  readonly isUndecided: boolean
}

const RANK: Readonly<Record<string, number>> = { queued: 0, in_progress: 1 }

const RANK_OF_THE_ENDED = 2

/** What a crash is told with; any other failure is a fault of ours. */
const STOPPED = /^The server stopped/

/** Everything that was ever seen of one response, and what it must be from then on. */
export class Witness {
  readonly id: string
  readonly deed: Deed
  readonly #blame: (rule: Rule, detail: string) => void
  #rank = 0
  #final: string | undefined
  #end: Snapshot | undefined
  #told: readonly string[] = []
  #hitsWhenTold = 0
  #deletion: 'none' | 'asked' | 'done' = 'none'
  /** Deletions under way. */
  #deletions = 0

  constructor(id: string, deed: Deed, blame: (rule: Rule, detail: string) => void) {
    this.id = id
    this.deed = deed
    this.#blame = blame
  }

  /** The response as it has ended; undefined where that is not known yet. */
  get end(): Snapshot | undefined {
    return this.#end
  }

  /** How many of its events were told. */
  get toldCount(): number {
    return this.#told.length
  }

  get isDeleted(): boolean {
    return this.#deletion === 'done'
  }

  known(): Known {
    const isUndecided = this.#deletion === 'asked' && this.#deletions === 0
    return { rank: this.#rank, isDeleted: this.isDeleted, isUndecided }
  }

  /** A snapshot has come, as an answer to a question that was asked when so much was known. */
  sawReply({ status, text }: Reply, before: Known): void {
    if (status === 404) return this.#sawNothing()
    if (status !== 200 && status !== 202) return this.#blame('unprovoked', `answered ${status}: ${text.slice(0, 300)}`)
    if (before.isDeleted) return this.#blame('flip', 'it was deleted, and is there again')
    if (before.isUndecided && this.#deletions === 0 && this.#deletion === 'asked') this.#deletion = 'none'
    const snapshot = JSON.parse(text) as Snapshot // The server's own answer.
    const rank = RANK[snapshot.status] ?? RANK_OF_THE_ENDED
    if (rank < before.rank) this.#blame('flip', `${snapshot.status} again, after rank ${before.rank}`)
    this.#rank = Math.max(this.#rank, rank)
    if (rank === RANK_OF_THE_ENDED) this.#sawEnd(snapshot, text)
  }

  /** A stream has been heard from a number on. */
  sawStream(heard: Heard, first = 0): void {
    const { kind, hits } = this.deed
    const said = kind === 'stream' && hits > 0 && first === 0 ? saidBeyondEnd(heard.events) : undefined
    if (said === undefined) return this.#sawEvents(heard, first)
    if (!agree(this.#told, said))
      this.#blame('stream', `it says ${said.join()}, and is said to say ${this.#told.join()}`)
    const end = snapshotIn(heard.events.at(-1) ?? '')
    if (end !== undefined) this.#compareEnds(end)
  }

  #sawEvents({ events, over }: Heard, first: number): void {
    const gap = numberFault(events, first)
    if (gap !== undefined) return this.#blame('stream', gap)
    const isWhole = over === 'done'
    const mayBeShorter = this.deed.kind === 'stream' && this.deed.hits > this.#hitsWhenTold
    const { told, fault } = compare(this.#told, { events, first, isWhole, mayBeShorter })
    if (fault !== undefined) this.#blame('stream', fault)
    this.#told = told
    // What was cut by a crash may have been heard by another client, too, and is told of after the crash. Whoever reads
    // on from a number is told nothing of whether what came before it was durable.
    if (isWhole && first === 0) this.#hitsWhenTold = this.deed.hits
    const last = events.at(-1)
    if (last !== undefined && isTerminalEvent(last)) this.#sawLastEvent(last, first === 0 || !mayBeShorter)
    else if (isWhole && events.length > 0) this.#blame('stream', 'it was ended without a last event')
  }

  /** Its deletion is asked for. */
  deleting(): void {
    this.deed.wasStopped = true
    this.#deletions++
    if (this.#deletion === 'none') this.#deletion = 'asked'
  }

  /** Its deletion was answered, or cut off. */
  deletionOver(): void {
    this.#deletions--
  }

  /** Its deletion was confirmed: from now on it is unknown, for ever. */
  deleted(): void {
    this.#deletion = 'done'
    this.deed.isOver = true
  }

  #sawNothing(): void {
    if (this.#deletion === 'none') this.#blame('lost', 'answered 404, and nobody has deleted it')
    this.deleted() // It is told of once.
  }

  /** @param isAllKnown Whether what was told is what its end is made of. */
  #sawLastEvent(data: string, isAllKnown: boolean): void {
    this.#rank = RANK_OF_THE_ENDED
    const fault = isAllKnown ? foldFault(this.#told) : undefined
    if (fault !== undefined) this.#blame('stream', fault)
    const said = snapshotIn(data)
    if (said !== undefined) this.#compareEnds(said)
  }

  #sawEnd(snapshot: Snapshot, text: string): void {
    this.deed.isOver = true
    if (this.#final !== undefined && this.#final !== text) {
      this.#blame('flip', `it had ended as ${brief(this.#final)}, and is now ${brief(text)}`)
    }
    this.#final ??= text
    this.#compareEnds(snapshot)
  }

  #compareEnds(said: Snapshot): void {
    if (this.#end === undefined) {
      this.#end = said
      this.#judge(said)
    } else if (!isDeepStrictEqual(this.#end, said)) {
      this.#blame(
        'stream',
        `stream and store differ: ${brief(JSON.stringify(this.#end))}, ${brief(JSON.stringify(said))}`,
      )
    }
  }

  /** Whether a response may have ended so. */
  #judge(end: Snapshot): void {
    const { hits, wasStopped, script } = this.deed
    const words = readWords(textOf(end))
    if (end.status === 'completed') this.#judgeAnswer(end)
    else if (end.output.length > 0 && textOf(end) !== '' && words?.tag !== script.tag) {
      this.#blame('twice', `what it says is not the beginning of one answer: ${textOf(end).slice(0, 200)}`)
    }
    if (end.status === 'cancelled' && !wasStopped) this.#blame('unprovoked', 'cancelled, and nobody wanted it')
    if (end.status === 'failed' && (hits === 0 || !STOPPED.test(end.error?.message ?? ''))) {
      this.#blame('unprovoked', `failed after ${hits} crashes: ${end.error?.message}`)
    }
    if (end.status === 'incomplete') this.#blame('unprovoked', 'incomplete, though the model had no limit')
  }

  #judgeAnswer(end: Snapshot): void {
    const spoken = readWords(textOf(end))
    if (spoken === undefined || spoken.tag !== this.deed.script.tag) {
      return this.#blame('twice', `its text is not that of one call: ${textOf(end).slice(0, 200)}`)
    }
    const { words, input } = this.deed.script.expected(spoken.call)
    if (spoken.words !== words) this.#blame('twice', `it says ${spoken.words} of ${words} words, and is completed`)
    const { input_tokens, output_tokens } = end.usage ?? {}
    if (input_tokens !== input || output_tokens !== words) {
      this.#blame('twice', `usage ${input_tokens}/${output_tokens}, where call ${spoken.call} used ${input}/${words}`)
    }
  }
}

function brief(text: string): string {
  const { status, error, output } = JSON.parse(text) as Snapshot
  return `${status} ${error?.message ?? ''} with ${JSON.stringify(output).slice(0, 200)}`
}
