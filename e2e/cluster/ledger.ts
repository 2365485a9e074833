import { isDeepStrictEqual } from 'node:util'
import { Client } from 'pg'
import type { CallRecords } from '../../src/core/call-record.ts'
import { decodePayload } from '../../src/store/payload.ts'
import type { Script } from '../chaos/script.ts'
import { findTag } from '../harness/fault-script.ts'
import type { FaultUpstream } from '../harness/fault-upstream.ts'

/** A response, as the database has it. */
export interface Row {
  readonly id: string
  readonly tag: string
  readonly status: string
  readonly isBackground: boolean
  readonly isDeleted: boolean
  readonly attempt: number
  readonly crashes: number
  /** The process that had it last. */
  readonly owner: string
  readonly calls: CallRecords
}

/** What a ledger was found to be like. */
export interface Audit {
  readonly faults: readonly string[]
  readonly rows: readonly Row[]
  /** Calls in the ledger whose usage is known, and those of which it is not. */
  readonly calls: { readonly known: number; readonly unknown: number }
  /** Calls of requests that were refused: there is nothing they could be written to. */
  readonly unwritten: number
}

const READ = `
  SELECT id, status, background, deleted_at IS NOT NULL AS is_deleted, attempt, crashes, lease_owner, input, calls
  FROM responses ORDER BY id`

/** Reads all responses of a database. */
export async function readRows(connectionString: string): Promise<readonly Row[]> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    const { rows }: { rows: Record<string, unknown>[] } = await client.query(READ)
    return rows.map(rowOf)
  } finally {
    await client.end()
  }
}

function rowOf(row: Record<string, unknown>): Row {
  const payload = (column: string) => decodePayload(row[column] as Uint8Array) // Of type `bytea`.
  return {
    id: String(row['id']),
    tag: findTag(payload('input')),
    status: String(row['status']),
    isBackground: row['background'] === true,
    isDeleted: row['is_deleted'] === true,
    attempt: Number(row['attempt']),
    crashes: Number(row['crashes']),
    owner: String(row['lease_owner']),
    calls: JSON.parse(payload('calls')) as CallRecords, // Written by the program.
  }
}

/**
 * Compares what the database says of calls with what the provider knows of them. Nothing runs any more.
 *
 * @param scripts What the provider was told to do, by tag.
 */
export async function audit(
  { store, upstream }: { readonly store: string; readonly upstream: FaultUpstream },
  scripts: ReadonlyMap<string, Script>,
): Promise<Audit> {
  const [rows, counts] = await Promise.all([readRows(store), upstream.allCounts()])
  const byTag = Map.groupBy(rows, ({ tag }) => tag)
  const faults = rows.flatMap(rowFaults)
  let unwritten = 0
  for (const [tag, { received }] of Object.entries(counts)) {
    const own = byTag.get(tag)
    if (own === undefined) unwritten += received
    else faults.push(...callFaults(own, received, scripts.get(tag)))
  }
  const usages = rows.flatMap(({ calls }) => calls.map(({ usage }) => usage !== null))
  const known = usages.filter(Boolean).length
  return { faults, rows, calls: { known, unknown: usages.length - known }, unwritten }
}

function rowFaults({ id, tag, status, isBackground, isDeleted, attempt, calls }: Row): string[] {
  const name = `${tag} ${id}`
  return [
    ...(!isDeleted && ['queued', 'in_progress'].includes(status) ? [`${name} is still ${status}`] : []),
    ...(isBackground && calls.length > attempt ? [`${name}: ${calls.length} calls in ${attempt} attempts`] : []),
    ...(isBackground || calls.length === 1 ? [] : [`${name}: ${calls.length} calls in the foreground`]),
  ]
}

/** Every call is written down before it leaves; what is said of its usage is what it used. */
function callFaults(rows: readonly Row[], received: number, script: Script | undefined): string[] {
  const calls = rows.flatMap((row) => row.calls)
  const faults = received > calls.length ? [`${received} calls were received, ${calls.length} are written down`] : []
  const expected = Array.from({ length: received }, (_, index) => script?.expected(index + 1))
  for (const { state, usage } of calls) {
    if (usage === null) continue
    const said = { words: usage.output_tokens, input: usage.input_tokens }
    const place = expected.findIndex((one) => isDeepStrictEqual(one, said))
    if (place < 0) faults.push(`a call that is ${state} has a usage that no call had: ${JSON.stringify(said)}`)
    else expected.splice(place, 1) // What one call has used, no other has.
  }
  return faults.map((fault) => `${rows[0]?.tag}: ${fault}`)
}
