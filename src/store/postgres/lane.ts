import { StoreUnavailable } from '../store.ts'

/** What became of one of the items that were written together. */
export type Outcome<Result> = { readonly value: Result } | { readonly error: Error }

/** Where writes of one kind gather. */
export interface LaneOptions<Item, Result> {
  /** The response that an item is about. */
  readonly idOf: (item: Item) => string
  /** Items with the same key are never written together; the first comes first. */
  readonly keyOf: (item: Item) => string
  /** About how many bytes an item brings. */
  readonly sizeOf: (item: Item) => number
  /** Writes all, in one transaction. @returns an outcome for each, in their order. */
  readonly write: (items: readonly Item[]) => Promise<readonly Outcome<Result>[]>
}

interface Waiting<Item, Result> {
  readonly item: Item
  readonly resolve: (value: Result) => void
  readonly reject: (error: unknown) => void
}

const BATCH_ITEMS_MAX = 500

const BATCH_BYTES_MAX = 4 * 2 ** 20

/** How long a write that nobody waits for may wait for others, in milliseconds. */
const SOON_MS = 20

/**
 * Writes of one kind, one batch at a time: all that one turn of the event loop brings is a batch, and so is all that
 * comes while another batch is under way.
 */
export class Lane<Item, Result> {
  readonly #options: LaneOptions<Item, Result>
  #waiting: Waiting<Item, Result>[] = []
  /** By response, what has not been written yet; the last of each. */
  readonly #pending = new Map<string, Promise<Result>>()
  #isAnnounced = false
  #isClosed = false
  #isWriting = false
  #soon: NodeJS.Timeout | undefined

  constructor(options: LaneOptions<Item, Result>) {
    this.#options = options
  }

  /** Writes an item. @param haste `soon` where it may wait for others first. */
  add(item: Item, haste: 'now' | 'soon' = 'now'): Promise<Result> {
    if (this.#isClosed) return Promise.reject(new StoreUnavailable('The storage is closed.'))
    const id = this.#options.idOf(item)
    const written = new Promise<Result>((resolve, reject) => this.#waiting.push({ item, resolve, reject }))
    this.#pending.set(id, written)
    const forget = () => {
      if (this.#pending.get(id) === written) this.#pending.delete(id)
    }
    written.then(forget, forget)
    if (haste === 'now') this.#announce()
    else this.#soon ??= setTimeout(() => this.#announce(), SOON_MS)
    return written
  }

  /** Whether something about a response has not been written yet. */
  isPending(id: string): boolean {
    return this.#pending.has(id)
  }

  /**
   * Resolves when what waits for a response has been written, or could not be. At once where nothing does.
   *
   * @returns whether it could.
   */
  async settled(id: string): Promise<boolean> {
    const written = this.#pending.get(id)
    if (written === undefined) return true
    this.#announce()
    const [outcome] = await Promise.allSettled([written])
    return outcome.status === 'fulfilled'
  }

  /** Resolves when all that waits now has been written, or could not be. */
  async allSettled(): Promise<void> {
    if (this.#pending.size === 0) return
    this.#announce()
    await Promise.allSettled(this.#pending.values())
  }

  /** Refuses all that comes later. Resolves when the rest has been written, or could not be. */
  close(): Promise<void> {
    this.#isClosed = true
    return this.allSettled()
  }

  #announce(): void {
    if (this.#isAnnounced || this.#isWriting || this.#waiting.length === 0) return
    this.#isAnnounced = true
    setImmediate(() => void this.#writeAll())
  }

  async #writeAll(): Promise<void> {
    this.#isAnnounced = false
    clearTimeout(this.#soon)
    this.#soon = undefined
    this.#isWriting = true
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) await this.#write(batch)
    this.#isWriting = false
  }

  /** The first that wait, as far as they may be written together. */
  #take(): readonly Waiting<Item, Result>[] {
    const { keyOf, sizeOf } = this.#options
    const [batch, left, keys] = [[] as Waiting<Item, Result>[], [] as Waiting<Item, Result>[], new Set<string>()]
    let bytes = 0
    for (const waiting of this.#waiting) {
      const key = keyOf(waiting.item)
      bytes += sizeOf(waiting.item)
      const isTooMuch = batch.length > 0 && (bytes > BATCH_BYTES_MAX || batch.length === BATCH_ITEMS_MAX)
      if (isTooMuch || keys.has(key)) left.push(waiting)
      else batch.push(waiting)
      keys.add(key)
    }
    this.#waiting = left
    return batch
  }

  /** What fails for the sake of one item is written one by one: its neighbours have no part in it. */
  async #write(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const outcomes = await this.#options.write(batch.map(({ item }) => item))
      for (const [index, waiting] of batch.entries()) settle(waiting, outcomes[index])
    } catch (error) {
      const isShared = batch.length === 1 || error instanceof StoreUnavailable
      if (!isShared) for (const waiting of batch) await this.#write([waiting])
      else for (const { reject } of batch) reject(error)
    }
  }
}

function settle<Item, Result>({ resolve, reject }: Waiting<Item, Result>, outcome: Outcome<Result> | undefined): void {
  if (outcome === undefined) reject(new Error('The storage answered too little.'))
  else if ('error' in outcome) reject(outcome.error)
  else resolve(outcome.value)
}
