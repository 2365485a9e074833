import type { DatabaseSync } from 'node:sqlite'
import type { Lifecycle } from '../../core/lifecycle.ts'
import type { AccountId, ResponseId } from '../../protocol/id.ts'
import type { Bound, EventBatch, JsonText, NewResponse, StoredEnding, StoredResponse, StoredThread } from '../store.ts'
import { encodePayload, joinPayloads } from '../payload.ts'
import { number, optionalPayload, payload, readLifecycle, readStatus, responseId, text } from '../rows.ts'
import { encodeOptional, LIFECYCLE_COLUMNS } from './columns.ts'

/** How a response has ended. No more than is written: each field that crosses to the thread costs time. */
export interface Ended extends Pick<Lifecycle, 'status' | 'version'> {
  readonly ending: StoredEnding
}

/** A row whose response has ended by the time it is written: its ending takes the place of the rest. */
export type EndedRow = Omit<NewResponse, 'status' | 'request' | 'response' | 'calls'>

/** What can be asked of the responses of an account. Writes run inside a transaction that the worker holds. */
export interface ResponseOperations {
  insert(account: AccountId, row: NewResponse, owner: string): Bound | undefined
  /** Accepts and ends a response. */
  insertEnded(account: AccountId, row: EndedRow, how: Ended & { readonly owner: string }): Bound | undefined
  find(account: AccountId, id: ResponseId): StoredResponse | undefined
  findLifecycle(account: AccountId, id: ResponseId): Lifecycle | undefined
  findInput(account: AccountId, id: ResponseId): JsonText | undefined
  findLog(account: AccountId, id: ResponseId): JsonText | undefined
  findEvents(account: AccountId, id: ResponseId, after: number): EventBatch[]
  findItemOwner(account: AccountId, itemId: string): ResponseId | undefined
  findBinding(account: AccountId, key: string): Bound | undefined
  thread(account: AccountId, id: ResponseId, turnsMax: number): StoredThread | undefined
  /** @param how `seen` is the version that it began with. */
  end(account: AccountId, id: ResponseId, how: Ended & { readonly seen: number }): boolean
  move(account: AccountId, id: ResponseId, moved: { readonly next: Lifecycle; readonly version: number }): boolean
  append(account: AccountId, id: ResponseId, kept: EventBatch & { readonly attempt: number }): boolean
  recordCalls(account: AccountId, id: ResponseId, made: { attempt: number; calls: JsonText }): boolean
  ask(account: AccountId, id: ResponseId, wish: 'cancel' | 'follow'): void
}

const VISIBLE = `FROM responses WHERE account_id = ? AND id = ? AND deleted_at IS NULL`

const HELD = `account_id = ? AND id = ? AND attempt = ? AND status = 'in_progress' AND deleted_at IS NULL`

/** Prepares the statements that concern responses. */
export function responseOperations(db: DatabaseSync, now_s: () => number): ResponseOperations {
  const bindings = bindingStatements(db, now_s)
  return {
    ...reads(db),
    ...acceptance(db, bindings),
    ...changes(db, { now_s, bindings }),
    findBinding: (...args) => bindings.find(...args),
  }
}

function reads(db: DatabaseSync) {
  const find = db.prepare(`SELECT response, output, ${LIFECYCLE_COLUMNS} ${VISIBLE}`)
  const findLifecycle = db.prepare(`SELECT ${LIFECYCLE_COLUMNS} ${VISIBLE}`)
  const findInput = db.prepare(`SELECT input ${VISIBLE}`)
  const findLog = db.prepare(`SELECT log ${VISIBLE}`)
  const findEvents = db.prepare(
    `SELECT first_seq, last_seq, events FROM events
     WHERE response_id = (SELECT id ${VISIBLE}) AND last_seq > ? ORDER BY first_seq`,
  )
  const findItemOwner = db.prepare(`SELECT response_id FROM items WHERE account_id = ? AND item_id = ?`)
  // All turns come as one blob: a buffer for each payload takes longer than all the rest. The chain grows by one row
  // at a time and a cross join keeps its order; beside min(depth), a bare column is that of the row with this depth.
  const thread = db.prepare(
    `WITH RECURSIVE chain (place, previous_id, depth) AS (
       SELECT rowid, previous_id, 1 ${VISIBLE}
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
  return {
    find(account, id) {
      const row = find.get(account, id)
      if (row === undefined) return undefined
      return {
        lifecycle: readLifecycle(row),
        response: payload(row, 'response'),
        output: optionalPayload(row, 'output'),
      }
    },
    findLifecycle: (account, id) => {
      const row = findLifecycle.get(account, id)
      return row === undefined ? undefined : readLifecycle(row)
    },
    findInput: (account, id) => optionalPayload(findInput.get(account, id), 'input'),
    findLog: (account, id) => optionalPayload(findLog.get(account, id), 'log'),
    findEvents: (account, id, after) =>
      findEvents.all(account, id, after).map((row) => ({
        first: number(row, 'first_seq'),
        last: number(row, 'last_seq'),
        events: payload(row, 'events'),
      })),
    findItemOwner: (account, itemId) => {
      const row = findItemOwner.get(account, itemId)
      return row === undefined ? undefined : responseId(row, 'response_id')
    },
    thread(account, id, turnsMax) {
      const row = thread.get(account, id, account, turnsMax)
      if (!(row?.['payloads'] instanceof Uint8Array)) return undefined
      const said = joinPayloads(row['payloads'], text(row, 'sizes').split(',').map(Number))
      return { turns: number(row, 'turns'), status: readStatus(row), said }
    },
  } satisfies Partial<ResponseOperations>
}

type Bindings = ReturnType<typeof bindingStatements>

function bindingStatements(db: DatabaseSync, now_s: () => number) {
  const find = db.prepare(
    `SELECT body_hash, response_id, refusal FROM bindings
     WHERE account_id = ? AND key = ? AND expires_at > ? AND response_id IN (SELECT id FROM responses WHERE deleted_at IS NULL)`,
  )
  const bind = db.prepare(`INSERT OR REPLACE INTO bindings VALUES (?, ?, ?, ?, ?, NULL)`)
  const refuse = db.prepare(`UPDATE bindings SET refusal = ? WHERE account_id = ? AND key = ? AND response_id = ?`)
  const release = db.prepare(`DELETE FROM bindings WHERE account_id = ? AND key = ? AND response_id = ?`)
  return {
    find(account: AccountId, key: string): Bound | undefined {
      const row = find.get(account, key, now_s())
      if (row === undefined) return undefined
      const [bodyHash, refusal] = [text(row, 'body_hash'), optionalPayload(row, 'refusal')]
      return { bodyHash, responseId: responseId(row, 'response_id'), refusal }
    },
    bind(account: AccountId, { id, binding }: EndedRow): void {
      if (binding !== undefined) bind.run(account, binding.key, binding.bodyHash, id, binding.expiresAt)
    },
    rebind(account: AccountId, id: ResponseId, { rebinding }: StoredEnding): void {
      if (rebinding === undefined) return
      const { key, refusal } = rebinding
      if (refusal === undefined) release.run(account, key, id)
      else refuse.run(encodePayload(refusal), account, key, id)
    },
  }
}

/** A row that is about to be written. */
interface Placed {
  readonly account: AccountId
  readonly row: EndedRow
  readonly owner: string
}

/** What is written into it, besides. */
type RowState = Partial<StoredEnding> &
  Pick<StoredEnding, 'response' | 'calls'> &
  Pick<Lifecycle, 'status' | 'version'> & { readonly request?: JsonText | undefined }

function acceptance(db: DatabaseSync, bindings: Bindings) {
  const insertRow = db.prepare(
    `INSERT INTO responses (id, account_id, status, background, created_at, previous_id, lease_owner, request, input, response, output, log, calls, version)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const insertItem = db.prepare(
    `INSERT INTO items (account_id, item_id, response_id) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET response_id = excluded.response_id`,
  )
  const write = ({ account, row, owner }: Placed, state: RowState): Bound | undefined => {
    const { id, background, createdAt, previousId, input, binding } = row
    const known = binding === undefined || binding.isFresh ? undefined : bindings.find(account, binding.key)
    if (known !== undefined) return known
    insertRow.run(
      id,
      account,
      state.status,
      Number(background),
      createdAt,
      previousId ?? null,
      owner,
      encodeOptional(state.request),
      encodePayload(input),
      encodePayload(state.response),
      encodeOptional(state.output),
      encodeOptional(state.log),
      encodeOptional(state.calls),
      state.version,
    )
    for (const itemId of row.clientItemIds) insertItem.run(account, itemId, id)
    bindings.bind(account, row)
    return undefined
  }
  return {
    insert: (account, row, owner) => write({ account, row, owner }, { ...row, version: 0 }),
    insertEnded(account, row, { owner, status, version, ending }) {
      const known = write({ account, row, owner }, { ...ending, status, version })
      if (known === undefined) bindings.rebind(account, row.id, ending)
      return known
    },
  } satisfies Partial<ResponseOperations>
}

function changes(db: DatabaseSync, { now_s, bindings }: { now_s: () => number; bindings: Bindings }) {
  const end = db.prepare(
    `UPDATE responses SET status = ?, version = ?, lease_until = 0, response = ?, output = ?, log = ?, calls = coalesce(?, calls), request = NULL
     WHERE account_id = ? AND id = ? AND version = ?`,
  )
  const dropEvents = db.prepare(`DELETE FROM events WHERE response_id = ?`)
  const move = db.prepare(
    `UPDATE responses SET status = ?, version = ?, attempt = ?, crashes = ?, lease_owner = ?, lease_until = ?, deleted_at = ?
     WHERE account_id = ? AND id = ? AND version = ?`,
  )
  const append = db.prepare(
    `INSERT INTO events (response_id, first_seq, last_seq, events)
     SELECT id, ?, ?, ? FROM responses WHERE ${HELD} ON CONFLICT DO UPDATE SET events = excluded.events`,
  )
  const recordCalls = db.prepare(`UPDATE responses SET calls = ? WHERE ${HELD}`)
  const wishes = {
    cancel: db.prepare(`UPDATE responses SET cancel_wanted = 1 WHERE account_id = ? AND id = ?`),
    follow: db.prepare(`UPDATE responses SET followed = 1 WHERE account_id = ? AND id = ?`),
  }
  return {
    end(account, id, { status, version, ending, seen }) {
      const { response, output, log, calls } = ending
      const payloads = [
        encodePayload(response),
        encodeOptional(output),
        encodePayload(log),
        encodeOptional(calls),
      ] as const
      if (end.run(status, version, ...payloads, account, id, seen).changes === 0) return false
      dropEvents.run(id)
      bindings.rebind(account, id, ending)
      return true
    },
    move(account, id, { next, version }) {
      const { status, attempt, crashes, leaseOwner, leaseUntil_ms } = next
      const deletedAt = next.isDeleted ? now_s() : null
      const values = [status, next.version, attempt, crashes, leaseOwner, leaseUntil_ms, deletedAt] as const
      return move.run(...values, account, id, version).changes === 1
    },
    append: (account, id, { first, last, events, attempt }) =>
      append.run(first, last, encodePayload(events), account, id, attempt).changes === 1,
    recordCalls: (account, id, { attempt, calls }) =>
      recordCalls.run(encodePayload(calls), account, id, attempt).changes === 1,
    ask: (account, id, wish) => void wishes[wish].run(account, id),
  } satisfies Partial<ResponseOperations>
}
