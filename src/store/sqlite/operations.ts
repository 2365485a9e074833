import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { accountId, parseResponseId, type AccountId, type ResponseId } from '../../protocol/id.ts'
import {
  StoreDamaged,
  type Job,
  type JsonText,
  type NewResponse,
  type StoredEnding,
  type StoredKey,
  type StoredResponse,
  type StoredThread,
} from '../store.ts'
import { decodePayload, encodePayload, joinPayloads } from '../payload.ts'

/** What the worker can be asked. Writes run inside a transaction that the worker holds. */
export interface Operations {
  /** Accepts a response; with its ending, where it has ended already. */
  insert(account: AccountId, row: NewResponse, how: { owner: string; ending?: StoredEnding }): void
  find(account: AccountId, id: ResponseId): StoredResponse | undefined
  findInput(account: AccountId, id: ResponseId): JsonText | undefined
  findLog(account: AccountId, id: ResponseId): JsonText | undefined
  findItemOwner(account: AccountId, itemId: string): ResponseId | undefined
  thread(account: AccountId, id: ResponseId, turnsMax: number): StoredThread | undefined
  finish(account: AccountId, id: ResponseId, ending: StoredEnding & { readonly attempt: number }): boolean
  remove(account: AccountId, id: ResponseId): boolean
  claim(owner: string, lease_ms: number, limit: number): Job[]
  heartbeat(owner: string, lease_ms: number, ids: readonly ResponseId[]): ResponseId[]
  countQueued(): number
  takeOver(owner: string): { account: AccountId; id: ResponseId; attempt: number; response: JsonText }[]
  insertKey(key: StoredKey): void
  findKey(publicId: string): StoredKey | undefined
  listKeys(): StoredKey[]
  revokeKey(publicId: string): boolean
  ping(): void
}

type SqlRow = Record<string, SQLOutputValue>

/** The end of a lease that no clock reaches. */
const FOREVER = Number.MAX_SAFE_INTEGER

const UNFINISHED = `status IN ('queued', 'in_progress')`

/** Prepares every statement once and names them as operations. */
export function prepareOperations(db: DatabaseSync, now_ms: () => number): Operations {
  const now_s = () => Math.floor(now_ms() / 1000)
  return {
    ...responseOperations(db, now_s),
    ...jobOperations(db, now_ms),
    ...keyOperations(db, now_s),
    ping: () => void db.prepare('SELECT 1').get(),
  }
}

function responseOperations(db: DatabaseSync, now_s: () => number) {
  const insertRow = db.prepare(
    `INSERT INTO responses (id, account_id, status, background, created_at, previous_id, lease_owner, request, input, response, output, log)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const insertItem = db.prepare(
    `INSERT INTO items (account_id, item_id, response_id) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET response_id = excluded.response_id`,
  )
  const visible = `FROM responses WHERE account_id = ? AND id = ? AND deleted_at IS NULL`
  const find = db.prepare(`SELECT status, background, attempt, response, output ${visible}`)
  const findInput = db.prepare(`SELECT input ${visible}`)
  const findLog = db.prepare(`SELECT log ${visible}`)
  const findItemOwner = db.prepare(`SELECT response_id FROM items WHERE account_id = ? AND item_id = ?`)
  // All turns come as one blob: a buffer for each payload takes longer than all the rest. The chain grows by one row
  // at a time and a cross join keeps its order; beside min(depth), a bare column is that of the row with this depth.
  const thread = db.prepare(
    `WITH RECURSIVE chain (place, previous_id, depth) AS (
       SELECT rowid, previous_id, 1 ${visible}
       UNION ALL
       SELECT parent.rowid, parent.previous_id, depth + 1
       FROM chain JOIN responses parent ON parent.id = chain.previous_id AND parent.account_id = ?
       WHERE depth < ?
     )
     SELECT count(*) AS turns, min(depth), status,
       group_concat(length(coalesce(output, response)) || ',' || length(input)) AS sizes,
       CAST(group_concat(coalesce(output, response) || input, '') AS BLOB) AS payloads
     FROM chain CROSS JOIN responses ON responses.rowid = place`,
  )
  const finish = db.prepare(
    `UPDATE responses SET status = ?, response = ?, output = ?, log = ?, request = NULL
     WHERE account_id = ? AND id = ? AND attempt = ? AND deleted_at IS NULL AND ${UNFINISHED}`,
  )
  const remove = db.prepare(
    `UPDATE responses SET deleted_at = ? WHERE account_id = ? AND id = ? AND deleted_at IS NULL`,
  )
  return {
    insert(account, row, { owner, ending }) {
      const { id, background, createdAt, previousId } = row
      const request = encodeOptional(ending === undefined ? row.request : undefined)
      const { status, response } = ending ?? row
      insertRow.run(
        id,
        account,
        status,
        Number(background),
        createdAt,
        previousId ?? null,
        owner,
        request,
        encodePayload(row.input),
        encodePayload(response),
        encodeOptional(ending?.output),
        encodeOptional(ending?.log),
      )
      for (const itemId of row.clientItemIds) insertItem.run(account, itemId, row.id)
    },
    find(account, id) {
      const row = find.get(account, id)
      if (row === undefined) return undefined
      return {
        status: text(row, 'status'),
        background: row['background'] === 1,
        attempt: Number(row['attempt']),
        response: payload(row, 'response'),
        output: optionalPayload(row, 'output'),
      }
    },
    findInput: (account, id) => optionalPayload(findInput.get(account, id), 'input'),
    findLog: (account, id) => optionalPayload(findLog.get(account, id), 'log'),
    findItemOwner: (account, itemId) => {
      const row = findItemOwner.get(account, itemId)
      return row === undefined ? undefined : responseId(row, 'response_id')
    },
    thread(account, id, turnsMax) {
      const row = thread.get(account, id, account, turnsMax)
      if (!(row?.['payloads'] instanceof Uint8Array)) return undefined
      const said = joinPayloads(row['payloads'], text(row, 'sizes').split(',').map(Number))
      return { turns: Number(row['turns']), status: text(row, 'status'), said }
    },
    finish: (account, id, { attempt, status, response, output, log }) => {
      const payloads = [encodePayload(response), encodeOptional(output), encodePayload(log)] as const
      return finish.run(status, ...payloads, account, id, attempt).changes === 1
    },
    remove: (account, id) => remove.run(now_s(), account, id).changes === 1,
  } satisfies Partial<Operations>
}

function encodeOptional(text: string | undefined): Uint8Array | null {
  return text === undefined ? null : encodePayload(text)
}

function jobOperations(db: DatabaseSync, now_ms: () => number) {
  const claim = db.prepare(
    `UPDATE responses SET status = 'in_progress', attempt = attempt + 1, lease_owner = ?, lease_until = ?
     WHERE id IN (
       SELECT id FROM responses
       WHERE background = 1 AND ${UNFINISHED} AND lease_until <= ? AND deleted_at IS NULL
       ORDER BY created_at, rowid LIMIT ?
     )
     RETURNING rowid, created_at, account_id, id, attempt, previous_id, request, input, response`,
  )
  const putAside = db.prepare(`UPDATE responses SET lease_until = ${FOREVER} WHERE id = ?`)
  const heartbeat = db.prepare(
    `UPDATE responses SET lease_until = ?
     WHERE id = ? AND lease_owner = ? AND status = 'in_progress' AND deleted_at IS NULL`,
  )
  const countQueued = db.prepare(
    `SELECT count(*) AS total FROM responses WHERE background = 1 AND status = 'queued' AND ${UNFINISHED} AND deleted_at IS NULL`,
  )
  const release = db.prepare(
    `UPDATE responses SET lease_until = 0 WHERE background = 1 AND status = 'in_progress' AND ${UNFINISHED} AND lease_owner <> ?`,
  )
  const left = db.prepare(
    `SELECT account_id, id, attempt, response FROM responses
     WHERE background = 0 AND ${UNFINISHED} AND lease_owner <> ? AND deleted_at IS NULL`,
  )
  return {
    claim: (owner, lease_ms, limit) =>
      claim
        .all(owner, now_ms() + lease_ms, now_ms(), limit)
        .sort(byAge)
        .flatMap((row) => {
          const job = unlessDamaged(() => readJob(row))
          if (job === undefined) putAside.run(text(row, 'id'))
          return job ?? []
        }),
    heartbeat: (owner, lease_ms, ids) =>
      ids.filter((id) => heartbeat.run(now_ms() + lease_ms, id, owner).changes === 1),
    countQueued: () => Number(countQueued.get()?.['total'] ?? 0),
    takeOver(owner) {
      release.run(owner)
      return left.all(owner).flatMap((row) => unlessDamaged(() => readLeft(row)) ?? [])
    },
  } satisfies Partial<Operations>
}

/** `RETURNING` promises no order. */
function byAge(one: SqlRow, other: SqlRow): number {
  const [by, then] = ['created_at', 'rowid'].map((column) => Number(one[column]) - Number(other[column]))
  return by || (then ?? 0)
}

function readLeft(row: SqlRow) {
  return {
    account: accountId(text(row, 'account_id')),
    id: responseId(row, 'id'),
    attempt: Number(row['attempt']),
    response: payload(row, 'response'),
  }
}

function readJob(row: SqlRow): Job {
  return {
    ...readLeft(row),
    previousId: row['previous_id'] === null ? undefined : responseId(row, 'previous_id'),
    work: unlessDamaged(() => ({ request: payload(row, 'request'), input: payload(row, 'input') })),
  }
}

/** One damaged row must not stand in the way of the others. */
function unlessDamaged<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof StoreDamaged) return undefined
    throw error
  }
}

function keyOperations(db: DatabaseSync, now_s: () => number) {
  const columns = 'public_id, account_id, digest, created_at, revoked_at'
  const insert = db.prepare(`INSERT INTO keys (${columns}) VALUES (?, ?, ?, ?, ?)`)
  const find = db.prepare(`SELECT ${columns} FROM keys WHERE public_id = ?`)
  const list = db.prepare(`SELECT ${columns} FROM keys ORDER BY created_at, public_id`)
  const revoke = db.prepare(`UPDATE keys SET revoked_at = ? WHERE public_id = ? AND revoked_at IS NULL`)
  return {
    insertKey: (key) => void insert.run(key.publicId, key.account, key.digest, key.createdAt, key.revokedAt ?? null),
    findKey: (publicId) => {
      const row = find.get(publicId)
      return row === undefined ? undefined : readKey(row)
    },
    listKeys: () => list.all().map(readKey),
    revokeKey: (publicId) => revoke.run(now_s(), publicId).changes === 1,
  } satisfies Partial<Operations>
}

function readKey(row: SqlRow): StoredKey {
  return {
    publicId: text(row, 'public_id'),
    account: accountId(text(row, 'account_id')),
    digest: text(row, 'digest'),
    createdAt: Number(row['created_at']),
    revokedAt: row['revoked_at'] === null ? undefined : Number(row['revoked_at']),
  }
}

function text(row: SqlRow, column: string): string {
  return String(row[column])
}

function responseId(row: SqlRow, column: string): ResponseId {
  const id = parseResponseId(text(row, column))
  if (id === undefined) throw new Error(`The column ${column} holds no response id.`)
  return id
}

function payload(row: SqlRow, column: string): string {
  const value = row[column]
  if (!(value instanceof Uint8Array)) throw new Error(`The column ${column} holds no payload.`)
  return decodePayload(value)
}

function optionalPayload(row: SqlRow | undefined, column: string): string | undefined {
  return row?.[column] instanceof Uint8Array ? payload(row, column) : undefined
}
