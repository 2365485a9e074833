import type { Lifecycle } from '../../core/lifecycle.ts'
import type { AccountId, ResponseId } from '../../protocol/id.ts'
import { joinPayloads } from '../payload.ts'
import type { Bound, EventBatch, StoredResponse, StoredThread } from '../store.ts'
import { optionalPayload, payload, readLifecycle, readStatus, responseId, text } from '../rows.ts'
import type { Database } from './database.ts'
import { digestOf, KEPT, LIFECYCLE, NOW_S } from './sql.ts'

const VISIBLE = 'FROM responses r WHERE r.account_id = $1 AND r.id = $2 AND r.deleted_at IS NULL'

const FIND = { name: 'find', text: `SELECT ${LIFECYCLE}, r.response, r.output ${VISIBLE}` }

const FIND_LIFECYCLE = { name: 'find_lifecycle', text: `SELECT ${LIFECYCLE} ${VISIBLE}` }

const FIND_INPUT = { name: 'find_input', text: `SELECT r.input ${VISIBLE}` }

const FIND_LOG = { name: 'find_log', text: `SELECT r.log ${VISIBLE}` }

const FIND_EVENTS = {
  name: 'find_events',
  text: `
    SELECT e.first_seq, e.last_seq, e.events FROM responses r JOIN events e ON e.response_id = r.id
    WHERE r.account_id = $1 AND r.id = $2 AND r.status IN ('queued', 'in_progress') AND ${KEPT} AND e.last_seq > $3 ORDER BY e.first_seq`,
}

const FIND_ITEM_OWNER = {
  name: 'find_item_owner',
  text: 'SELECT response_id FROM items WHERE account_id = $1 AND item = $2',
}

const FIND_BINDING = {
  name: 'find_binding',
  text: `
    SELECT b.body_hash, b.response_id, b.refusal FROM bindings b JOIN responses r ON r.id = b.response_id
    WHERE b.account_id = $1 AND b.key = $2 AND b.expires_at > ${NOW_S} AND r.deleted_at IS NULL`,
}

/** All turns come as one value: a row and a buffer for each payload would take longer than all the rest. */
const THREAD = {
  name: 'thread',
  text: `
    WITH RECURSIVE chain (previous_id, status, said, input, depth) AS (
      SELECT r.previous_id, r.status, coalesce(r.output, r.response), r.input, 1 ${VISIBLE}
      UNION ALL
      SELECT r.previous_id, r.status, coalesce(r.output, r.response), r.input, depth + 1
      FROM chain JOIN responses r ON r.id = chain.previous_id AND r.account_id = $1
      WHERE depth < $3
    )
    SELECT count(*) AS turns, (array_agg(status ORDER BY depth))[1] AS status,
      string_agg(length(said) || ',' || length(input), ',' ORDER BY depth) AS sizes,
      string_agg(said || input, ''::bytea ORDER BY depth) AS payloads
    FROM chain`,
}

/** What one account reads. */
export class Reads {
  readonly #database: Database
  readonly #account: AccountId

  constructor(database: Database, account: AccountId) {
    this.#database = database
    this.#account = account
  }

  async find(id: ResponseId): Promise<StoredResponse | undefined> {
    const [row] = await this.#database.ask(FIND, [this.#account, id])
    if (row === undefined) return undefined
    return {
      lifecycle: readLifecycle(row),
      response: payload(row, 'response'),
      output: optionalPayload(row, 'output'),
    }
  }

  async findLifecycle(id: ResponseId): Promise<Lifecycle | undefined> {
    const [row] = await this.#database.ask(FIND_LIFECYCLE, [this.#account, id])
    return row === undefined ? undefined : readLifecycle(row)
  }

  async findInput(id: ResponseId): Promise<string | undefined> {
    const [row] = await this.#database.ask(FIND_INPUT, [this.#account, id])
    return optionalPayload(row, 'input')
  }

  async findLog(id: ResponseId): Promise<string | undefined> {
    const [row] = await this.#database.ask(FIND_LOG, [this.#account, id])
    return optionalPayload(row, 'log')
  }

  async findEvents(id: ResponseId, after: number): Promise<readonly EventBatch[]> {
    const rows = await this.#database.ask(FIND_EVENTS, [this.#account, id, after])
    return rows.map((row) => ({
      first: Number(row['first_seq']),
      last: Number(row['last_seq']),
      events: payload(row, 'events'),
    }))
  }

  async findItemOwner(itemId: string): Promise<ResponseId | undefined> {
    const [row] = await this.#database.ask(FIND_ITEM_OWNER, [this.#account, digestOf(itemId)])
    return row === undefined ? undefined : responseId(row, 'response_id')
  }

  async findBinding(key: string): Promise<Bound | undefined> {
    const [row] = await this.#database.ask(FIND_BINDING, [this.#account, digestOf(key)])
    if (row === undefined) return undefined
    return {
      bodyHash: text(row, 'body_hash'),
      responseId: responseId(row, 'response_id'),
      refusal: optionalPayload(row, 'refusal'),
    }
  }

  async thread(id: ResponseId, turnsMax: number): Promise<StoredThread | undefined> {
    const [row] = await this.#database.ask(THREAD, [this.#account, id, turnsMax])
    if (!(row?.['payloads'] instanceof Uint8Array)) return undefined
    const said = joinPayloads(row['payloads'], text(row, 'sizes').split(',').map(Number))
    return { turns: Number(row['turns']), status: readStatus(row), said }
  }
}
