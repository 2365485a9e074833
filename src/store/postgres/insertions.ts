import type { AccountId } from '../../protocol/id.ts'
import { encodePayload } from '../payload.ts'
import { StoreUnavailable, type Bound, type NewResponse } from '../store.ts'
import { text, type StoredRow } from '../rows.ts'
import { binaryArray } from './binary-array.ts'
import type { Database } from './database.ts'
import { Lane, type Outcome } from './lane.ts'
import type { News } from './news.ts'
import { Reads } from './reads.ts'
import { digestOf, NOW_S } from './sql.ts'

/** A response that is to be accepted. */
export interface Insertion {
  readonly account: AccountId
  readonly row: NewResponse
  readonly owner: string
  /** Tells this insertion from every other one, also when it is made twice. */
  readonly token: string
}

/**
 * A binding that stands keeps its row out; one that is written twice stays as it was. Rows take their places in the
 * order in which they came.
 */
const INSERT = {
  name: 'insert',
  text: `
    WITH input AS (
      SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::boolean[], $5::bigint[], $6::text[], $7::text[], $8::text[],
        $9::bytea[], $10::bytea[], $11::bytea[], $12::bytea[], $13::bytea[], $14::text[], $15::bigint[]
      ) WITH ORDINALITY AS t (
        id, account_id, status, background, created_at, previous_id, lease_owner, token,
        request, input, response, calls, key, body_hash, expires_at, position
      )
    ),
    bound AS (
      INSERT INTO bindings AS b (account_id, key, body_hash, response_id, expires_at)
      SELECT account_id, key, body_hash, id, expires_at FROM input WHERE key IS NOT NULL ORDER BY account_id, key
      ON CONFLICT (account_id, key) DO UPDATE SET
        body_hash = excluded.body_hash, response_id = excluded.response_id, expires_at = excluded.expires_at,
        refusal = CASE WHEN b.response_id = excluded.response_id THEN b.refusal END
      WHERE excluded.response_id = ANY ($16::text[]) OR b.response_id = excluded.response_id
        OR b.expires_at <= ${NOW_S}
        OR EXISTS (SELECT FROM responses r WHERE r.id = b.response_id AND r.deleted_at IS NOT NULL)
      RETURNING b.response_id
    ),
    made AS (
      INSERT INTO responses (
        id, account_id, status, background, created_at, previous_id, lease_owner, token, request, input, response,
        calls
      )
      SELECT
        id, account_id, status, background, created_at, previous_id, lease_owner, token, request, input, response,
        calls
      FROM input WHERE key IS NULL OR id IN (SELECT response_id FROM bound) ORDER BY position
      ON CONFLICT (id) DO NOTHING
      RETURNING id
    ),
    named AS (
      INSERT INTO items (account_id, item, response_id)
      SELECT t.account_id, t.item, t.response_id
      FROM unnest($17::text[], $18::bytea[], $19::text[]) AS t (account_id, item, response_id)
      JOIN made ON made.id = t.response_id ORDER BY t.account_id, t.item
      ON CONFLICT (account_id, item) DO UPDATE SET response_id = excluded.response_id
    ),
    told AS (SELECT pg_notify($20, words) FROM unnest($21::text[]) AS words)
    SELECT id, (SELECT count(*) FROM told) FROM made`,
}

const FIND_IDS = { name: 'find_ids', text: 'SELECT id FROM responses WHERE id = ANY ($1::text[])' }

/** A binding may go just when it has kept a row out: then the row is inserted again, so many times. */
const TRIES = 3

/** The lane of all insertions. */
export function insertionLane(database: Database, news: News): Lane<Insertion, Bound | undefined> {
  return new Lane({
    idOf: ({ row }) => row.id,
    // Two rows of one key are written one after the other: the second one meets the first one's binding.
    keyOf: ({ row, account }) => (row.binding === undefined ? row.id : `${account} ${row.binding.key}`),
    sizeOf: ({ row }) => row.input.length + row.response.length + (row.request?.length ?? 0),
    write: (insertions) => write({ database, news }, insertions, 1),
  })
}

async function write(
  { database, news }: { database: Database; news: News },
  insertions: readonly Insertion[],
  tries: number,
): Promise<Outcome<Bound | undefined>[]> {
  const values = valuesOf(insertions, news)
  const { made, taken, mayBeOurs } = await database.run(async (query, isRepeated) => {
    const isMade = idsOf(await query(INSERT, values))
    const others = insertions.flatMap(({ row: { id } }) => (isMade.has(id) ? [] : [id]))
    const found = others.length === 0 ? [] : await query(FIND_IDS, [others])
    return { made: isMade, taken: idsOf(found), mayBeOurs: isRepeated }
  })
  const outcomes = insertions.map(async (insertion): Promise<Outcome<Bound | undefined>> => {
    const { account, row } = insertion
    // By an earlier try whose answer was lost: nobody else has its id, whatever has become of it since.
    const isEarlier = mayBeOurs && taken.has(row.id)
    if (made.has(row.id) || isEarlier) return { value: undefined }
    if (taken.has(row.id) || row.binding === undefined) return { error: new Error('The id of a response is taken.') }
    const bound = await new Reads(database, account).findBinding(row.binding.key)
    if (bound !== undefined) return { value: bound }
    if (tries === TRIES) return { error: new StoreUnavailable('The key of a request changes all the time.') }
    const [outcome] = await write({ database, news }, [insertion], tries + 1)
    return outcome ?? { error: new Error('The storage answered too little.') }
  })
  return Promise.all(outcomes)
}

function valuesOf(insertions: readonly Insertion[], news: News): unknown[] {
  const of = <Value>(read: (insertion: Insertion) => Value) => insertions.map(read)
  const payloads = (read: (row: NewResponse) => string | undefined) =>
    binaryArray(of(({ row }) => encodeOptional(read(row))))
  const named = namedItems(insertions)
  const isJob = insertions.some(({ row }) => row.background)
  return [
    of(({ row }) => row.id),
    of(({ account }) => account),
    of(({ row }) => row.status),
    of(({ row }) => row.background),
    of(({ row }) => row.createdAt),
    of(({ row }) => row.previousId),
    of(({ owner }) => owner),
    of(({ token }) => token),
    payloads((row) => row.request),
    payloads((row) => row.input),
    payloads((row) => row.response),
    payloads((row) => row.calls),
    binaryArray(of(({ row }) => (row.binding === undefined ? null : digestOf(row.binding.key)))),
    of(({ row }) => row.binding?.bodyHash),
    of(({ row }) => row.binding?.expiresAt),
    insertions.flatMap(({ row }) => (row.binding?.isFresh === true ? [row.id] : [])),
    named.map(({ account }) => account),
    binaryArray(named.map(({ item }) => item)),
    named.map(({ id }) => id),
    ...news.words(isJob ? ['queue'] : []),
  ]
}

/** Items that clients have named; where several rows have one of a name, the last. */
function namedItems(insertions: readonly Insertion[]) {
  const items = insertions.flatMap(({ account, row: { id, clientItemIds } }) =>
    clientItemIds.map((name) => ({ account, item: digestOf(name), id })),
  )
  return [...new Map(items.map((named) => [`${named.account} ${named.item.toString('hex')}`, named])).values()]
}

function idsOf(rows: readonly StoredRow[]): ReadonlySet<string> {
  return new Set(rows.map((row) => text(row, 'id')))
}

/** A payload that there may be. */
export function encodeOptional(words: string | undefined): Uint8Array | null {
  return words === undefined ? null : encodePayload(words)
}
