import { StoreUnavailable, type Store } from './store.ts'

/** A store that may not be there yet. */
export interface LateStore extends Store {
  /**
   * Opens it, unless it is open.
   *
   * @throws {StoreUnavailable} It is not there yet: whoever wants to wait calls again.
   * @throws It will not be there, however long one waits.
   */
  open(): Promise<void>
}

/** Makes a store that is unavailable until it is opened. Others may work on what it holds. */
export function lateStore(openIt: () => Promise<Store>): LateStore {
  const listeners: Parameters<Store['onChange']>[0][] = []
  let opened: Store | undefined
  const there = (): Store => {
    if (opened === undefined) throw new StoreUnavailable('The storage has not been reached yet.')
    return opened
  }
  /** What belongs to the store, asked for again at each call. */
  const late = <Part extends object>(pick: (store: Store) => Part): Part =>
    // The proxy has whatever the part has.
    new Proxy({} as Part, {
      get:
        (_, name) =>
        async (...args: unknown[]) => {
          const part = pick(there())
          const method: unknown = Reflect.get(part, name)
          if (typeof method !== 'function') throw new Error(`A store has no method ${String(name)}.`)
          return Reflect.apply(method, part, args) as unknown
        },
    })
  const [jobs, keys, upkeep] = [late(({ jobs: part }) => part), late((s) => s.keys), late((s) => s.upkeep)]
  return {
    get jobs() {
      return opened?.jobs ?? jobs
    },
    get keys() {
      return opened?.keys ?? keys
    },
    get upkeep() {
      return opened?.upkeep ?? upkeep
    },
    isShared: true,
    forAccount: (account) => opened?.forAccount(account) ?? late((store) => store.forAccount(account)),
    onChange(listener) {
      listeners.push(listener)
      opened?.onChange(listener)
    },
    ping: async () => there().ping(),
    close: async () => opened?.close(),
    async open() {
      if (opened !== undefined) return
      opened = await openIt()
      for (const listener of listeners) opened.onChange(listener)
    },
  }
}
