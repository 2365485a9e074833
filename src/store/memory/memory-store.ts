import type { AccountId, ResponseId } from '../../protocol/id.ts'
import { isTerminal } from '../../protocol/response.ts'
import type { Job, JsonText, NewResponse, ResponseStore, Store, StoredKey } from '../store.ts'

interface Row extends Omit<NewResponse, 'status'> {
  readonly account: AccountId
  status: string
  response: string
  output: string | undefined
  log: string | undefined
  attempt: number
  leaseOwner: string | undefined
  leaseUntil_ms: number
  isDeleted: boolean
}

/**
 * A store that forgets: for tests and trials (`--store memory:`).
 *
 * @param now Milliseconds, from any origin: leases are measured by it.
 */
export function openMemoryStore(now: () => number): Store {
  const rows = new Map<ResponseId, Row>()
  const items = new Map<string, ResponseId>()
  const keys = new Map<string, StoredKey>()
  return {
    jobs: {
      claim: async ({ owner, lease_ms, limit }) => {
        const due = [...rows.values()].filter((row) => isDue(row, now())).sort(byAge)
        return due.slice(0, limit).map((row) => {
          row.status = 'in_progress'
          row.attempt++
          row.leaseOwner = owner
          row.leaseUntil_ms = now() + lease_ms
          return toJob(row)
        })
      },
      heartbeat: async ({ owner, lease_ms, ids }) =>
        ids.filter((id) => {
          const row = rows.get(id)
          if (row === undefined || row.leaseOwner !== owner || row.status !== 'in_progress' || row.isDeleted)
            return false
          row.leaseUntil_ms = now() + lease_ms
          return true
        }),
      countQueued: async () => [...rows.values()].filter((row) => row.status === 'queued' && !row.isDeleted).length,
      takeOver: async (owner) => {
        const left = [...rows.values()].filter((row) => row.status === 'in_progress' && row.leaseOwner !== owner)
        for (const row of left) row.leaseUntil_ms = 0
        return left
          .filter((row) => !row.background && !row.isDeleted)
          .map(({ account, id, attempt, response }) => ({ account, id, attempt, response }))
      },
    },
    keys: {
      insert: async (key) => {
        if (keys.has(key.publicId)) throw new Error('The public id of a key was used twice.')
        keys.set(key.publicId, key)
      },
      find: async (publicId) => keys.get(publicId),
      list: async () => [...keys.values()].sort(byAgeAndName),
      revoke: async (publicId) => {
        const key = keys.get(publicId)
        if (key === undefined || key.revokedAt !== undefined) return false
        keys.set(publicId, { ...key, revokedAt: Math.floor(now() / 1000) })
        return true
      },
    },
    forAccount: (account) => responsesOf(account, rows, items),
    ping: async () => {},
    close: async () => {},
  }
}

function responsesOf(account: AccountId, rows: Map<ResponseId, Row>, items: Map<string, ResponseId>): ResponseStore {
  const visible = (id: ResponseId) => {
    const row = rows.get(id)
    return row?.account === account && !row.isDeleted ? row : undefined
  }
  return {
    insert: async (row, owner) => {
      if (rows.has(row.id)) throw new Error('A response id was used twice.')
      rows.set(row.id, {
        ...row,
        account,
        output: undefined,
        log: undefined,
        attempt: 0,
        leaseOwner: owner,
        leaseUntil_ms: 0,
        isDeleted: false,
      })
      for (const itemId of row.clientItemIds) items.set(`${account}\n${itemId}`, row.id)
    },
    find: async (id) => visible(id),
    findInput: async (id) => visible(id)?.input,
    findLog: async (id) => visible(id)?.log,
    findItemOwner: async (itemId) => items.get(`${account}\n${itemId}`),
    thread: async (id, turnsMax) => {
      const last = visible(id)
      if (last === undefined) return undefined
      const turns: JsonText[] = []
      for (let row: Row | undefined = last; row?.account === account && turns.length < turnsMax;) {
        turns.push(`${row.output ?? row.response},${row.input}`)
        row = row.previousId === undefined ? undefined : rows.get(row.previousId)
      }
      return { turns: turns.length, status: last.status, said: `[${turns.join(',')}]` }
    },
    finish: async (id, attempt, ending) => {
      const row = visible(id)
      if (row === undefined || row.attempt !== attempt || isTerminal(row.status)) return false
      Object.assign(row, ending)
      return true
    },
    remove: async (id) => {
      const row = visible(id)
      if (row !== undefined) row.isDeleted = true
      return row !== undefined
    },
  }
}

function isDue(row: Row, now_ms: number): boolean {
  if (row.isDeleted || !row.background) return false
  return row.status === 'queued' || (row.status === 'in_progress' && row.leaseUntil_ms <= now_ms)
}

function byAge(one: Row, other: Row): number {
  return one.createdAt - other.createdAt // The sort is stable: rows of one second stay as they came.
}

function byAgeAndName(one: StoredKey, other: StoredKey): number {
  return one.createdAt - other.createdAt || (one.publicId < other.publicId ? -1 : 1)
}

function toJob(row: Row): Job {
  const { account, id, attempt, previousId, request = '{}', input, response } = row
  return { account, id, attempt, previousId, work: { request, input }, response }
}
