import { isTerminal } from '../../protocol/response.ts'
import type { Lifecycle } from '../../core/lifecycle.ts'
import type { AccountId, ResponseId } from '../../protocol/id.ts'
import { encodePayload } from '../payload.ts'
import type { EventBatch, Step, StoredEnding } from '../store.ts'
import type { StoredRow } from '../rows.ts'
import { binaryArray } from './binary-array.ts'
import type { Database, Query } from './database.ts'
import { encodeOptional } from './insertions.ts'
import { Lane, type Outcome } from './lane.ts'
import type { Change, News } from './news.ts'
import { digestOf, KEPT, NOW_S } from './sql.ts'

/** What a transition has made of a response. */
export interface Swap {
  readonly account: AccountId
  readonly id: ResponseId
  readonly step: Omit<Step, 'ending'>
  /** Tells this change from every other one, also when it is made twice. */
  readonly token: string
}

/** What ends a response. */
export interface EndingSwap extends Swap {
  readonly ending: StoredEnding
}

/** Events that an attempt brings. */
export interface Append {
  readonly account: AccountId
  readonly id: ResponseId
  readonly attempt: number
  readonly batch: EventBatch
}

/** The calls that an attempt makes. */
export interface CallRecord {
  readonly account: AccountId
  readonly id: ResponseId
  readonly attempt: number
  readonly calls: string
}

const SWAP_INPUT = `
  $1::text[], $2::text[], $3::integer[], $4::text[], $5::integer[], $6::integer[], $7::integer[], $8::text[],
  $9::bigint[], $10::boolean[], $11::text[]`

const SWAP_COLUMNS =
  'id, account_id, version, status, next_version, attempt, crashes, lease_owner, lease_until, is_deleted, token'

const SWAP_SET = `
  status = i.status, version = i.next_version, attempt = i.attempt, crashes = i.crashes, lease_owner = i.lease_owner,
  lease_until = i.lease_until, deleted_at = CASE WHEN i.is_deleted THEN ${NOW_S} END, token = i.token`

/** Rows are locked in the order of their ids: two processes that change the same ones wait, and never for each other. */
const SWAP_LOCKED = `
  locked AS (
    SELECT i.* FROM input i
    JOIN responses r ON r.id = i.id AND r.account_id = i.account_id AND r.version = i.version AND r.deleted_at IS NULL
    ORDER BY r.id FOR NO KEY UPDATE OF r
  )`

const CHANGE = {
  name: 'change',
  text: `
    WITH input AS (SELECT * FROM unnest(${SWAP_INPUT}) WITH ORDINALITY AS t (${SWAP_COLUMNS}, position)),
    ${SWAP_LOCKED},
    changed AS (
      UPDATE responses r SET ${SWAP_SET} FROM locked i WHERE r.id = i.id
      RETURNING i.position
    ),
    told AS (SELECT pg_notify($12, words) FROM unnest($13::text[]) AS words)
    SELECT position, (SELECT count(*) FROM told) FROM changed`,
}

const END = {
  name: 'end',
  text: `
    WITH input AS (
      SELECT * FROM unnest(${SWAP_INPUT}, $14::bytea[], $15::bytea[], $16::bytea[], $17::bytea[])
      WITH ORDINALITY AS t (${SWAP_COLUMNS}, response, output, log, calls, position)
    ),
    ${SWAP_LOCKED},
    changed AS (
      UPDATE responses r SET
        ${SWAP_SET}, response = i.response, output = i.output, log = i.log, calls = coalesce(i.calls, r.calls),
        request = NULL
      FROM locked i WHERE r.id = i.id
      RETURNING i.position, i.id
    ),
    emptied AS (DELETE FROM events e USING changed WHERE e.response_id = changed.id),
    rebinding AS (
      SELECT t.* FROM unnest($18::text[], $19::bytea[], $20::text[], $21::bytea[])
        AS t (account_id, key, response_id, refusal)
      JOIN changed ON changed.id = t.response_id
    ),
    refused AS (
      UPDATE bindings b SET refusal = n.refusal FROM rebinding n
      WHERE b.account_id = n.account_id AND b.key = n.key AND b.response_id = n.response_id AND n.refusal IS NOT NULL
    ),
    freed AS (
      DELETE FROM bindings b USING rebinding n
      WHERE b.account_id = n.account_id AND b.key = n.key AND b.response_id = n.response_id AND n.refusal IS NULL
    ),
    told AS (SELECT pg_notify($12, words) FROM unnest($13::text[]) AS words)
    SELECT position, (SELECT count(*) FROM told) FROM changed`,
}

const FIND_DONE = {
  name: 'find_done',
  text: `
    SELECT t.position FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (id, token, position)
    JOIN responses r ON r.id = t.id AND r.token = t.token`,
}

/** What an attempt still holds: whoever takes it meanwhile waits, and then sees what was kept. */
const HELD = `
  held AS (
    SELECT i.* FROM input i
    JOIN responses r ON r.id = i.id AND r.account_id = i.account_id AND r.attempt = i.attempt
    WHERE r.status = 'in_progress' AND ${KEPT}
    ORDER BY r.id FOR SHARE OF r
  )`

const APPEND = {
  name: 'append',
  text: `
    WITH input AS (
      SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::integer[], $6::bytea[])
      WITH ORDINALITY AS t (id, account_id, attempt, first_seq, last_seq, events, position)
    ),
    ${HELD},
    kept AS (
      INSERT INTO events (response_id, first_seq, last_seq, events)
      SELECT id, first_seq, last_seq, events FROM held ORDER BY id, first_seq
      ON CONFLICT DO NOTHING
    ),
    told AS (SELECT pg_notify($7, words) FROM unnest($8::text[]) AS words)
    SELECT position, (SELECT count(*) FROM told) FROM held`,
}

const RECORD_CALLS = {
  name: 'record_calls',
  text: `
    WITH input AS (
      SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::bytea[])
      WITH ORDINALITY AS t (id, account_id, attempt, calls, position)
    ),
    locked AS (
      SELECT i.* FROM input i
      JOIN responses r ON r.id = i.id AND r.account_id = i.account_id AND r.attempt = i.attempt
      WHERE r.status = 'in_progress' AND ${KEPT}
      ORDER BY r.id FOR NO KEY UPDATE OF r
    )
    UPDATE responses r SET calls = i.calls FROM locked i WHERE r.id = i.id
    RETURNING i.position`,
}

/** The lane of changes that end nothing: jobs that are given back, deletions. */
export function changeLane(database: Database, news: News): Lane<Swap, boolean> {
  return new Lane({
    idOf: ({ id }) => id,
    keyOf: ({ id }) => id,
    sizeOf: () => 0,
    write: async (swaps) => {
      const values = [...swapValues(swaps), ...news.words(swaps.flatMap(changeOf))]
      return outcomesOf(swaps, await swapRows(database, swaps, (query) => query(CHANGE, values)))
    },
  })
}

/** The lane of endings. */
export function endingLane(database: Database, news: News): Lane<EndingSwap, boolean> {
  return new Lane({
    idOf: ({ id }) => id,
    keyOf: ({ id }) => id,
    sizeOf: ({ ending: { response, output, log } }) => response.length + log.length + (output?.length ?? 0),
    write: async (swaps) => {
      const values = [
        ...swapValues(swaps),
        ...news.words(swaps.flatMap(changeOf)),
        binaryArray(swaps.map(({ ending }) => encodePayload(ending.response))),
        binaryArray(swaps.map(({ ending }) => encodeOptional(ending.output))),
        binaryArray(swaps.map(({ ending }) => encodePayload(ending.log))),
        binaryArray(swaps.map(({ ending }) => encodeOptional(ending.calls))),
        ...rebindingValues(swaps),
      ]
      return outcomesOf(swaps, await swapRows(database, swaps, (query) => query(END, values)))
    },
  })
}

/** The lane of events. */
export function appendLane(database: Database, news: News): Lane<Append, boolean> {
  return new Lane({
    idOf: ({ id }) => id,
    keyOf: ({ id, batch }) => `${id} ${batch.first}`,
    sizeOf: ({ batch }) => batch.events.length,
    write: async (appends) => {
      const rows = await database.ask(
        APPEND,
        [
          ...holderValues(appends),
          appends.map(({ batch }) => batch.first),
          appends.map(({ batch }) => batch.last),
          binaryArray(appends.map(({ batch }) => encodePayload(batch.events))),
          ...news.words(appends.map(({ id }) => id)),
        ],
        'own',
      )
      return outcomesOf(appends, rows)
    },
  })
}

/** The lane of calls. */
export function callLane(database: Database): Lane<CallRecord, boolean> {
  return new Lane({
    idOf: ({ id }) => id,
    keyOf: ({ id }) => id,
    sizeOf: ({ calls }) => calls.length,
    write: async (records) => {
      const payloads = binaryArray(records.map(({ calls }) => encodePayload(calls)))
      return outcomesOf(records, await database.ask(RECORD_CALLS, [...holderValues(records), payloads], 'own'))
    },
  })
}

/** Swaps; where an earlier try may have done it already, looks who has. */
function swapRows(
  database: Database,
  swaps: readonly Swap[],
  swap: (query: Query) => Promise<readonly StoredRow[]>,
): Promise<readonly StoredRow[]> {
  return database.run(async (query, isRepeated) => {
    const changed = await swap(query)
    if (!isRepeated || changed.length === swaps.length) return changed
    return query(FIND_DONE, [swaps.map(({ id }) => id), swaps.map(({ token }) => token)])
  }, 'own')
}

function swapValues(swaps: readonly Swap[]): unknown[] {
  const of = <Value>(read: (next: Lifecycle) => Value) => swaps.map(({ step }) => read(step.next))
  return [
    swaps.map(({ id }) => id),
    swaps.map(({ account }) => account),
    swaps.map(({ step }) => step.version),
    of((next) => next.status),
    of((next) => next.version),
    of((next) => next.attempt),
    of((next) => next.crashes),
    of((next) => next.leaseOwner),
    of((next) => next.leaseUntil_ms),
    of((next) => next.isDeleted),
    swaps.map(({ token }) => token),
  ]
}

function rebindingValues(swaps: readonly EndingSwap[]): unknown[] {
  const all = swaps.flatMap(({ account, id, ending: { rebinding } }) =>
    rebinding === undefined ? [] : [{ account, id, ...rebinding }],
  )
  return [
    all.map(({ account }) => account),
    binaryArray(all.map(({ key }) => digestOf(key))),
    all.map(({ id }) => id),
    binaryArray(all.map(({ refusal }) => encodeOptional(refusal))),
  ]
}

function holderValues(holders: readonly { account: AccountId; id: ResponseId; attempt: number }[]): unknown[] {
  return [holders.map(({ id }) => id), holders.map(({ account }) => account), holders.map(({ attempt }) => attempt)]
}

/** What others wait for: an end, or a job that is free again. */
function changeOf({ id, step: { next } }: Swap): Change[] {
  if (next.isDeleted || isTerminal(next.status)) return [id]
  return next.leaseOwner === '' ? ['queue'] : []
}

/** Each statement answers the positions, from 1, of what it has done. */
function outcomesOf(items: readonly unknown[], rows: readonly StoredRow[]): Outcome<boolean>[] {
  const done = new Set(rows.map((row) => Number(row['position'])))
  return items.map((_, index) => ({ value: done.has(index + 1) }))
}
