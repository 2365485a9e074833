/** Things in hand, by id. */
export interface Registry<Id extends string, Value> {
  get(id: Id): Value | undefined
  set(id: Id, value: Value): void
  delete(id: Id): void
  values(): readonly Value[]
}

/**
 * Makes a registry for things that come and go all the time. A `Map` would do, but V8 gives a `Map` a new table
 * after every few dozen changes, and each old table keeps alive what it held until the next full collection: with
 * runs of some milliseconds, that made of every run garbage of the expensive sort (9 MB per 1,000 runs).
 */
export function createRegistry<Id extends string, Value>(): Registry<Id, Value> {
  const held: Record<string, Value> = Object.create(null) // Not one key of its own.
  return {
    get: (id) => held[id],
    set: (id, value) => void (held[id] = value),
    delete: (id) => void delete held[id],
    values: () => Object.values(held),
  }
}
