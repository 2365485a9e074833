import { LRUCache } from 'lru-cache'
import type { ThreadItem } from '../core/history.ts'
import type { ResponseId } from '../protocol/id.ts'
import type { Response } from '../protocol/response.ts'

/** A thread up to one of its turns. */
export interface Thread {
  readonly turns: number
  /** Everything said, oldest first. */
  readonly items: readonly ThreadItem[]
  /** About how long the items are as JSON. */
  readonly chars: number
}

/** The thread before a first turn. */
export const NO_THREAD: Thread = { turns: 0, items: [], chars: 0 }

/** A turn that is about to be taken. */
export interface NextTurn {
  readonly id: ResponseId
  readonly earlier: Thread
  /** What was said before, and what is said now. */
  readonly said: readonly ThreadItem[]
}

interface Remembered extends Thread {
  /** Whether its last turn has been answered, and the answer is stored. */
  readonly isWhole: boolean
}

/**
 * The threads that went on last, as far as there is room. To read a long one from the storage costs more than all the
 * rest of its next turn. What was said in a turn that has ended never changes; whether it may be gone on with does,
 * and is asked of the storage each time.
 */
export class RecentThreads {
  readonly #threads: LRUCache<ResponseId, Remembered>

  /** @param charsMax Most that is remembered of all threads together, in characters of JSON. */
  constructor(charsMax: number) {
    this.#threads = new LRUCache({ maxSize: charsMax, sizeCalculation: ({ chars }) => chars })
  }

  /** The thread that ends with a response. Ids are unique among all accounts; the account is not looked at. */
  find(id: ResponseId): Thread | undefined {
    const thread = this.#threads.get(id)
    return thread?.isWhole === true ? thread : undefined
  }

  /** A response was deleted. Turns that follow it have its words all the same. */
  forget(id: ResponseId): void {
    this.#threads.delete(id)
  }

  /** A turn begins. First turns are not remembered: most have no second, and one is read quickly. */
  begin({ id, earlier, said }: NextTurn, inputChars: number): void {
    if (earlier.turns === 0) return
    const chars = earlier.chars + inputChars
    this.#threads.set(id, { turns: earlier.turns + 1, items: said, chars, isWhole: false })
  }

  /** A turn has ended, and is stored: its thread takes the place of what it was before. */
  complete({ id, previous_response_id: previousId, output }: Response, outputChars: number): void {
    const begun = this.#threads.peek(id as ResponseId) // It was minted here.
    if (begun === undefined) return
    this.#threads.delete(previousId as ResponseId) // So was this: the turn has been begun.
    const items = [...begun.items, ...output]
    this.#threads.set(id as ResponseId, { ...begun, items, chars: begun.chars + outputChars, isWhole: true })
  }
}
