import type { JobStore, ResponseStore, Store } from '../../store/store.ts'

type Fallible = keyof ResponseStore | keyof JobStore

/** A store whose operations fail when a test says so. */
export interface FaultyStore extends Store {
  /** Lets an operation fail, so many times or until `heal`. */
  breakDown(operation: Fallible, error: Error, times?: number): void
  /** Everything works again. */
  heal(): void
  /** How often an operation was asked for. */
  count(operation: Fallible): number
  /** Called once, before an operation is done; a promise holds it up. */
  before(operation: Fallible, act: () => void | Promise<void>): void
  /** Called once, when an operation is done and not yet reported; a promise holds the report up. */
  after(operation: Fallible, act: () => void | Promise<void>): void
}

/** Wraps a store. */
export function faultyStore(inner: Store): FaultyStore {
  const faults = new Map<string, { error: Error; times: number }>()
  const counts = new Map<string, number>()
  const acts = new Map<string, () => void | Promise<void>>()
  const play = async (moment: string) => {
    const act = acts.get(moment)
    acts.delete(moment)
    await act?.()
  }

  const guard = async (operation: Fallible) => {
    counts.set(operation, (counts.get(operation) ?? 0) + 1)
    await play(`before ${operation}`)
    const fault = faults.get(operation)
    if (fault === undefined || fault.times === 0) return
    fault.times--
    throw fault.error
  }
  const guarded = <Target extends object>(target: Target): Target =>
    new Proxy(target, {
      get(_, name) {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        // Whatever an interface of the store names is one of its operations.
        return async (...args: unknown[]) => {
          await guard(name as Fallible)
          const result: unknown = await Reflect.apply(method, target, args)
          if (acts.has(`after ${String(name)}`)) await play(`after ${String(name)}`)
          return result
        }
      },
    })
  return {
    ...inner,
    jobs: guarded(inner.jobs),
    forAccount: (account) => guarded(inner.forAccount(account)),
    breakDown: (operation, error, times = Number.POSITIVE_INFINITY) => void faults.set(operation, { error, times }),
    heal: () => faults.clear(),
    count: (operation) => counts.get(operation) ?? 0,
    before: (operation, act) => void acts.set(`before ${operation}`, act),
    after: (operation, act) => void acts.set(`after ${operation}`, act),
  }
}
