import { randomBytes } from 'node:crypto'
import type { ClientConfig } from 'pg'
import type { AccountId, ResponseId } from '../../protocol/id.ts'
import { StoreUnavailable, type ResponseStore, type Store } from '../store.ts'
import { appendLane, callLane, changeLane, endingLane } from './changes.ts'
import { Database, DEFAULTS, within, type DatabaseOptions } from './database.ts'
import { faultOf, storeError, wordsOf } from './faults.ts'
import { Hotline } from './hotline.ts'
import { insertionLane } from './insertions.ts'
import { Jobs } from './jobs.ts'
import { keyStore } from './keys.ts'
import { migrate } from './migrations.ts'
import { News } from './news.ts'
import { Reads } from './reads.ts'
import { upkeep } from './upkeep.ts'
import { KEPT } from './sql.ts'

/** What may be set of a store in PostgreSQL. */
export interface PostgresOptions extends Partial<DatabaseOptions> {
  /** How often the connection that listens is tried. */
  readonly probe_ms?: number
}

/**
 * Every statement finds its rows by an index. A plan that was made while a table was small, and is used for as long as
 * the connection lives, must not read all of it.
 */
const SETTINGS = '-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off'

const ASK = {
  name: 'ask',
  text: `
    WITH asked AS (
      UPDATE responses SET cancel_wanted = cancel_wanted OR $3, followed = followed OR $4
      WHERE account_id = $1 AND id = $2 AND status IN ('queued', 'in_progress') AND ${KEPT} AND ($3 > cancel_wanted OR $4 > followed)
      RETURNING id
    )
    SELECT pg_notify($5, words) FROM asked, unnest($6::text[]) AS words`,
}

const PING = { name: 'ping', text: `SELECT current_setting('transaction_read_only') AS read_only` }

const PING_MS = 2000

const PROBE_MS = 5000

/** How long calls that were made before the end may take. */
const CLOSE_MS = 5000

/**
 * Opens a database of PostgreSQL 14 or later, and brings it to this version's schema. Many processes may do so at once.
 *
 * A call that is under way when the database goes away is made again for some 4 s. Longer outages are told of by
 * {@link StoreUnavailable}, and end by themselves.
 *
 * @param url Such as `postgres://user:password@host:5432/database?sslmode=verify-full`. A pooler between must give each
 * connection a server connection of its own (`session` mode): locks and `LISTEN` need it.
 * @throws {StoreUnavailable} The database cannot be reached just now: whoever wants to wait calls again.
 * @throws The URL cannot be read; the server refuses the user, the password or the name of the database; it is too old;
 * a later version of the program has written the database. No message holds the password.
 */
export async function openPostgresStore(url: string, options: PostgresOptions = {}): Promise<Store> {
  const config = configOf(url)
  const { probe_ms = PROBE_MS, ...others } = options
  const settings = { ...DEFAULTS, ...others }
  try {
    await migrate({ ...config, connectionTimeoutMillis: settings.wait_ms })
  } catch (error) {
    throw openingError(url, error)
  }
  const sender = randomBytes(9).toString('base64url')
  const news = new News(sender)
  let tokens = 0
  const mintToken = () => `${sender}.${(tokens++).toString(36)}`
  const database = new Database(config, settings)
  const hotline = new Hotline({ config, news, wait_ms: settings.wait_ms, probe_ms })
  return assemble({ database, hotline, news, mintToken })
}

interface Parts {
  readonly database: Database
  readonly hotline: Hotline
  readonly news: News
  readonly mintToken: () => string
}

type Lanes = ReturnType<typeof openLanes>

function openLanes({ database, news }: Parts) {
  return {
    insertions: insertionLane(database, news),
    changes: changeLane(database, news),
    endings: endingLane(database, news),
    appends: appendLane(database, news),
    calls: callLane(database),
  }
}

function assemble(parts: Parts): Store {
  const { database, hotline } = parts
  const lanes = openLanes(parts)
  const jobs = new Jobs(parts)
  const inserted = () => lanes.insertions.allSettled()
  return {
    jobs: {
      register: (process) => jobs.register(process),
      claim: (options) => inserted().then(() => jobs.claim(options)),
      heartbeat: (options) => jobs.heartbeat(options),
      orphans: (limit) => inserted().then(() => jobs.orphans(limit)),
      countQueued: () => inserted().then(() => jobs.countQueued()),
    },
    keys: keyStore(database),
    upkeep: upkeep(database),
    isShared: true,
    forAccount: (account) => responseStore(parts, lanes, account),
    onChange: (listener) => hotline.listen(listener),
    ping: () => ping(database),
    async close() {
      await within(CLOSE_MS, Promise.all(Object.values(lanes).map((lane) => lane.close())))
      await Promise.all([database.close(), hotline.close()])
    },
  }
}

/** Whatever is asked of a response comes after its insertion, which may still wait for others. */
function responseStore({ database, news, mintToken }: Parts, lanes: Lanes, account: AccountId): ResponseStore {
  const { insertions } = lanes
  const reads = new Reads(database, account)
  const inserted = (id: ResponseId) => insertions.settled(id)
  return {
    insert: (row, owner, haste) => insertions.add({ account, row, owner, token: mintToken() }, haste),
    findBinding: (key) => insertions.allSettled().then(() => reads.findBinding(key)),
    find: (id) => inserted(id).then(() => reads.find(id)),
    findLifecycle: (id) => inserted(id).then(() => reads.findLifecycle(id)),
    findInput: (id) => inserted(id).then(() => reads.findInput(id)),
    findLog: (id) => inserted(id).then(() => reads.findLog(id)),
    findEvents: (id, after) => inserted(id).then(() => reads.findEvents(id, after)),
    findItemOwner: (itemId) => insertions.allSettled().then(() => reads.findItemOwner(itemId)),
    thread: (id, turnsMax) => inserted(id).then(() => reads.thread(id, turnsMax)),
    async swap(id, { ending, ...step }) {
      if (!(await inserted(id))) throw new StoreUnavailable('The row to be changed could not be written.')
      const other = ending === undefined ? lanes.endings : lanes.changes
      while (other.isPending(id)) await other.settled(id)
      const swap = { account, id, step, token: mintToken() }
      return ending === undefined ? lanes.changes.add(swap) : lanes.endings.add({ ...swap, ending })
    },
    append: (id, attempt, batch) => inserted(id).then(() => lanes.appends.add({ account, id, attempt, batch })),
    recordCalls: (id, attempt, calls) => inserted(id).then(() => lanes.calls.add({ account, id, attempt, calls })),
    async ask(id, wish) {
      await inserted(id)
      await database.ask(ASK, [account, id, wish === 'cancel', wish === 'follow', ...news.words([id])])
    },
  }
}

/** Two connections may be tried: whoever asks is told in time, all the same. */
async function ping(database: Database): Promise<void> {
  const asked = database.run(async (query) => {
    const [row] = await query(PING, [])
    if (row?.['read_only'] !== 'off') throw new StoreUnavailable('The database can be read, and not written.')
    return true
  }, 'none')
  if ((await within(PING_MS, asked)) === true) return
  asked.catch(() => {
    // It has taken too long already.
  })
  throw new StoreUnavailable('The database does not answer.')
}

/** The settings of a connection. The URL itself is in no message: it has the password. */
export function configOf(url: string): ClientConfig {
  const parsed = URL.parse(url)
  if (parsed === null || !/^postgres(?:ql)?:$/.test(parsed.protocol)) {
    throw new Error('The URL of the database must look like postgres://user:password@host:5432/database.')
  }
  const options = [parsed.searchParams.get('options') ?? '', SETTINGS].join(' ').trim()
  parsed.searchParams.set('options', options)
  return { connectionString: parsed.href, application_name: 'antiphon' }
}

/** Why a database could not be opened, without its password. */
export function openingError(url: string, cause: unknown): Error {
  if (faultOf(cause) !== 'refused' || !(cause instanceof Error)) return storeError(cause)
  const { host, pathname } = new URL(url)
  return new Error(`The database ${host}${pathname} refuses: ${wordsOf(cause)}.`, { cause })
}
