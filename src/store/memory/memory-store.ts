import { accepted, isDue, transition, type Lifecycle } from '../../core/lifecycle.ts'
import { timeHex, type AccountId, type ResponseId } from '../../protocol/id.ts'
import { isTerminal } from '../../protocol/response.ts'
import type {
  Bound,
  EventBatch,
  HeldJob,
  Job,
  JobStore,
  JsonText,
  KeyStore,
  NewResponse,
  ResponseStore,
  Store,
  StoredKey,
  Unfinished,
  Upkeep,
} from '../store.ts'

interface Row extends Omit<NewResponse, 'background' | 'binding'> {
  readonly account: AccountId
  lifecycle: Lifecycle
  deletedAt: number | undefined
  response: string
  output: string | undefined
  log: string | undefined
  calls: string
  events: readonly EventBatch[]
  isCancelWanted: boolean
  isFollowed: boolean
}

interface KeptBinding {
  readonly bound: Bound
  readonly expiresAt: number
}

/** What several stores of one process may share, as several processes share a database. */
export interface MemoryTables {
  readonly rows: Map<ResponseId, Row>
  readonly items: Map<string, ResponseId>
  readonly keys: Map<string, StoredKey>
  readonly bindings: Map<string, KeptBinding>
  readonly processes: Map<string, { readonly instance: string; leaseUntil_ms: number }>
  readonly listeners: Set<(change: ResponseId | 'queue') => void>
}

/** Makes empty tables. */
export function memoryTables(): MemoryTables {
  return {
    rows: new Map(),
    items: new Map(),
    keys: new Map(),
    bindings: new Map(),
    processes: new Map(),
    listeners: new Set(),
  }
}

/**
 * A store that forgets: for tests and trials (`--store memory:`).
 *
 * @param now Milliseconds, from any origin: leases are measured by it.
 * @param shared Tables that other stores work on too.
 */
export function openMemoryStore(now: () => number, shared?: MemoryTables): Store {
  const tables = shared ?? memoryTables()
  const clock = { now_ms: now, now_s: () => Math.floor(now() / 1000) }
  return {
    jobs: jobsOf(tables, clock),
    keys: keysOf(tables, clock),
    upkeep: upkeepOf(tables, clock),
    forAccount: (account) => responsesOf(account, tables, clock),
    isShared: shared !== undefined,
    onChange: (listener) => void shared?.listeners.add(listener),
    ping: async () => {},
    close: async () => {},
  }
}

interface StoreClock {
  readonly now_ms: () => number
  readonly now_s: () => number
}

function jobsOf({ rows, processes }: MemoryTables, { now_ms }: StoreClock): JobStore {
  const isAlive = (owner: string) => (processes.get(owner)?.leaseUntil_ms ?? 0) > now_ms()
  return {
    register: async ({ owner, instance, lease_ms }) => {
      const gone = [...processes].filter(([, process]) => process.instance === instance).map(([name]) => name)
      for (const name of gone) processes.delete(name)
      for (const row of rows.values()) {
        const { status, leaseOwner } = row.lifecycle
        if (status === 'in_progress' && gone.includes(leaseOwner))
          row.lifecycle = { ...row.lifecycle, leaseUntil_ms: 0 }
      }
      processes.set(owner, { instance, leaseUntil_ms: now_ms() + lease_ms })
    },
    claim: async ({ owner, lease_ms, limit, inHand = [], takesOver = true }) => {
      const due = [...rows.values()]
        .filter(({ id, lifecycle }) => isDue(lifecycle, takesOver ? now_ms() : 0) && !inHand.includes(id))
        .sort(byAge)
      return due.slice(0, limit).flatMap((row) => {
        const next = transition(row.lifecycle, { type: 'claim', owner, now_ms: now_ms(), lease_ms })
        if (next === undefined) return []
        row.lifecycle = next
        return toJob(row)
      })
    },
    heartbeat: async ({ owner, lease_ms, ids }) => {
      const process = processes.get(owner)
      if (process !== undefined) process.leaseUntil_ms = now_ms() + lease_ms
      return ids.flatMap((id): HeldJob[] => {
        const row = rows.get(id)
        const next = row && transition(row.lifecycle, { type: 'extend', owner, now_ms: now_ms(), lease_ms })
        if (row === undefined || next === undefined) return []
        row.lifecycle = next
        return [{ id, isCancelWanted: row.isCancelWanted, isFollowed: row.isFollowed }]
      })
    },
    orphans: async (limit) =>
      [...rows.values()]
        .filter(({ lifecycle }) => isOpenForeground(lifecycle) && !isAlive(lifecycle.leaseOwner))
        .slice(0, limit)
        .map(toUnfinished),
    countQueued: async () =>
      [...rows.values()].filter(({ lifecycle }) => lifecycle.status === 'queued' && !lifecycle.isDeleted).length,
  }
}

function isOpenForeground({ background, isDeleted, status }: Lifecycle): boolean {
  return !background && !isDeleted && !isTerminal(status)
}

function keysOf({ keys }: MemoryTables, { now_s }: StoreClock): KeyStore {
  return {
    insert: async (key) => {
      if (keys.has(key.publicId)) throw new Error('The public id of a key was used twice.')
      keys.set(key.publicId, key)
    },
    find: async (publicId) => keys.get(publicId),
    list: async () => [...keys.values()].sort(byAgeAndName),
    revoke: async (publicId) => {
      const key = keys.get(publicId)
      if (key === undefined || key.revokedAt !== undefined) return false
      keys.set(publicId, { ...key, revokedAt: now_s() })
      return true
    },
  }
}

function upkeepOf({ rows, items, bindings }: MemoryTables, { now_s }: StoreClock): Upkeep {
  return {
    sweep: async ({ createdBefore, deletedBefore, limit }) => {
      const parents = new Set([...rows.values()].map(({ previousId }) => previousId))
      const bound = `resp_${timeHex(createdBefore * 1000)}`
      const past = [...rows.values()].filter(({ id, lifecycle, deletedAt }) => {
        const isPast = deletedAt === undefined ? isTerminal(lifecycle.status) && id < bound : deletedAt < deletedBefore
        return isPast && !parents.has(id)
      })
      const expired = [...bindings].filter(([, { expiresAt }]) => expiresAt <= now_s())
      for (const { id } of past.slice(0, limit)) {
        rows.delete(id)
        for (const [item, owner] of items) if (owner === id) items.delete(item)
      }
      for (const [key] of expired.slice(0, limit)) bindings.delete(key)
      return Math.min(past.length, limit) + Math.min(expired.length, limit)
    },
    check: async () => ({ responses: rows.size }),
  }
}

function responsesOf(account: AccountId, tables: MemoryTables, { now_s }: StoreClock): ResponseStore {
  const { rows, items, bindings, listeners } = tables
  const visible = (id: ResponseId) => {
    const row = rows.get(id)
    return row?.account === account && !row.lifecycle.isDeleted ? row : undefined
  }
  const held = (id: ResponseId, attempt: number) => {
    const row = visible(id)
    return row?.lifecycle.status === 'in_progress' && row.lifecycle.attempt === attempt ? row : undefined
  }
  const bound = (key: string) => {
    const found = bindings.get(`${account}\n${key}`)
    return found === undefined || found.expiresAt <= now_s() || !visible(found.bound.responseId)
      ? undefined
      : found.bound
  }
  const tell = (change: ResponseId | 'queue') => {
    for (const listen of listeners) listen(change)
  }
  return {
    insert: async (accepting, owner) => {
      const { binding, background, ...row } = accepting
      if (rows.has(row.id)) throw new Error('A response id was used twice.')
      const known = binding === undefined || binding.isFresh ? undefined : bound(binding.key)
      if (known !== undefined) return known
      const lifecycle = accepted(background, owner)
      const nothing = { deletedAt: undefined, output: undefined, log: undefined, events: [] }
      rows.set(row.id, { ...row, ...nothing, account, lifecycle, isCancelWanted: false, isFollowed: false })
      for (const itemId of row.clientItemIds) items.set(`${account}\n${itemId}`, row.id)
      if (binding !== undefined) {
        const { key, bodyHash, expiresAt } = binding
        bindings.set(`${account}\n${key}`, { expiresAt, bound: { bodyHash, responseId: row.id, refusal: undefined } })
      }
      if (background) tell('queue')
      return undefined
    },
    findBinding: async (key) => bound(key),
    // As it is now: rows change.
    find: async (id) => copyOf(visible(id)),
    findLifecycle: async (id) => visible(id)?.lifecycle,
    findInput: async (id) => visible(id)?.input,
    findLog: async (id) => visible(id)?.log,
    findEvents: async (id, after) => (visible(id)?.events ?? []).filter(({ last }) => last > after),
    findItemOwner: async (itemId) => items.get(`${account}\n${itemId}`),
    thread: async (id, turnsMax) => {
      const last = visible(id)
      if (last === undefined) return undefined
      const turns: JsonText[] = []
      for (let row: Row | undefined = last; row?.account === account && turns.length < turnsMax;) {
        turns.push(`${row.output ?? row.response},${row.input}`)
        row = row.previousId === undefined ? undefined : rows.get(row.previousId)
      }
      return { turns: turns.length, status: last.lifecycle.status, said: `[${turns.join(',')}]` }
    },
    swap: async (id, { version, next, ending }) => {
      const row = rows.get(id)
      if (row?.account !== account || row.lifecycle.version !== version) return false
      if (next.isDeleted) row.deletedAt = now_s()
      row.lifecycle = next
      if (ending !== undefined) {
        const { response, output, log, calls = row.calls, rebinding } = ending
        Object.assign(row, { response, output, log, calls, events: [] })
        rebind(id, rebinding)
      }
      tell(id)
      return true
    },
    append: async (id, attempt, batch) => {
      const row = held(id, attempt)
      if (row === undefined) return false
      if (!row.events.some(({ first }) => first === batch.first)) row.events = [...row.events, batch]
      tell(id)
      return true
    },
    recordCalls: async (id, attempt, calls) => {
      const row = held(id, attempt)
      if (row !== undefined) row.calls = calls
      return row !== undefined
    },
    ask: async (id, wish) => {
      const row = visible(id)
      if (row === undefined) return
      if (wish === 'cancel') row.isCancelWanted = true
      else row.isFollowed = true
      tell(id)
    },
  }

  function rebind(
    id: ResponseId,
    rebinding: { readonly key: string; readonly refusal: JsonText | undefined } | undefined,
  ): void {
    if (rebinding === undefined) return
    const key = `${account}\n${rebinding.key}`
    const found = bindings.get(key)
    if (found?.bound.responseId !== id) return
    if (rebinding.refusal === undefined) bindings.delete(key)
    else bindings.set(key, { ...found, bound: { ...found.bound, refusal: rebinding.refusal } })
  }
}

function byAge(one: Row, other: Row): number {
  return one.createdAt - other.createdAt // The sort is stable: rows of one second stay as they came.
}

function byAgeAndName(one: StoredKey, other: StoredKey): number {
  return one.createdAt - other.createdAt || (one.publicId < other.publicId ? -1 : 1)
}

function toUnfinished({ account, id, lifecycle, response, calls }: Row): Unfinished {
  return { account, id, lifecycle, response, calls }
}

function toJob(row: Row): Job {
  const { previousId, request = '{}', input, isFollowed } = row
  return { ...toUnfinished(row), previousId, work: { request, input }, isFollowed }
}

function copyOf(row: Row | undefined): Row | undefined {
  return row && { ...row }
}
