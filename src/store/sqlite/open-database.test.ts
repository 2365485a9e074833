import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { scratchFiles } from '../testing/scratch.ts'
import { ALICE, end, endingOf, foregroundRow, idOf, keyRow } from '../testing/rows.ts'
import { openDatabase } from './open-database.ts'
import { openSqliteStore } from './sqlite-store.ts'

const fresh = scratchFiles()
const PAGE_BYTES = 8192

/** Where the header of a database names the first page of its list of free pages. */
const FREE_LIST_AT = 32

test('a write is on the disk before it is reported: WAL with an fsync for each commit', () => {
  const db = openDatabase(fresh('new.db'), 0)
  assert.equal(db.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'wal')
  assert.equal(db.prepare('PRAGMA synchronous').get()?.['synchronous'], 2, '2 is FULL')
  db.close()
})

test('a fresh database has the whole schema, and opening it again changes nothing', () => {
  const path = fresh('again.db')
  openDatabase(path, 0).close()
  const first = schemaOf(path)
  assert.deepEqual(
    first.flatMap(({ type, name }) => (type === 'table' ? [name] : [])),
    ['bindings', 'events', 'items', 'keys', 'responses'],
  )
  openDatabase(path, 0).close()
  assert.deepEqual(schemaOf(path), first)
})

test('what was stored is there after the store was closed and opened again', async () => {
  const path = fresh('kept.db')
  const before = await openSqliteStore(path)
  await before.keys.insert(keyRow('kept', 1))
  await before.close()
  const after = await openSqliteStore(path)
  assert.deepEqual(await after.keys.list(), [keyRow('kept', 1)])
  await after.close()
})

test('a migration that fails leaves nothing of itself behind', () => {
  const path = fresh('half.db')
  const db = new DatabaseSync(path)
  db.exec('CREATE TABLE keys (mine TEXT)')
  db.close()
  assert.throws(() => openDatabase(path, 0), /table keys already exists/)
  assert.deepEqual(
    schemaOf(path).map(({ name }) => name),
    ['keys'],
  )
})

test('several processes may open a fresh database at once', async () => {
  for (let round = 0; round < 5; round++) {
    const path = fresh('race.db')
    const stores = await Promise.all([1, 2, 3].map(() => openSqliteStore(path)))
    await Promise.all(stores.map((store) => store.close()))
    assert.equal(schemaOf(path).filter(({ type }) => type === 'table').length, 5)
  }
})

test('a database of version 1, which kept snapshots whole, is brought up to date and read', async () => {
  const path = fresh('earlier.db')
  const whole = { response: '{"output":[{"said":1}]}', output: undefined, log: '[]', calls: '[]' }
  const before = await openSqliteStore(path)
  await before.forAccount(ALICE).insert(foregroundRow(1), 'boot')
  await end(before.forAccount(ALICE), idOf(1), { ending: whole })
  await before.close()
  const db = new DatabaseSync(path)
  for (const index of ['responses_deleted', 'responses_following', 'items_response']) db.exec(`DROP INDEX ${index}`)
  for (const table of ['events', 'bindings']) db.exec(`DROP TABLE ${table}`)
  for (const column of ['output', 'version', 'crashes', 'cancel_wanted', 'followed', 'calls']) {
    db.exec(`ALTER TABLE responses DROP COLUMN ${column}`)
  }
  db.exec('PRAGMA user_version = 1')
  db.close()
  const store = await openSqliteStore(path)
  const responses = store.forAccount(ALICE)
  assert.equal((await responses.find(idOf(1)))?.response, whole.response)
  await responses.insert(foregroundRow(2, { previousId: idOf(1) }), 'boot')
  assert.equal(await end(responses, idOf(2), { ending: endingOf(2) }), true)
  assert.equal((await responses.find(idOf(2)))?.output, '["output 2"]')
  const { said = '' } = (await responses.thread(idOf(2), 10)) ?? {}
  assert.deepEqual(JSON.parse(said), [['output 2'], ['input 2'], { output: [{ said: 1 }] }, ['input 1']])
  await store.close()
})

test('K-14: a process that is killed in the middle of a step leaves the schema as it was', async () => {
  const path = fresh('killed.db')
  const earlier = await openSqliteStore(path)
  await earlier.forAccount(ALICE).insert(foregroundRow(1), 'boot')
  await earlier.close()
  const step = `
    const { DatabaseSync } = require('node:sqlite')
    const db = new DatabaseSync(process.argv[1])
    db.exec('BEGIN IMMEDIATE; ALTER TABLE responses ADD COLUMN later TEXT; PRAGMA user_version = 99')
    process.kill(process.pid, 'SIGKILL')`
  assert.equal(spawnSync(process.execPath, ['--eval', step, path]).signal, 'SIGKILL')
  const store = await openSqliteStore(path)
  assert.equal((await store.forAccount(ALICE).find(idOf(1)))?.response, '{"first":1}')
  assert.ok(schemaOf(path).every(({ sql }) => !sql.includes('later')))
  await store.close()
})

test('a database of a later version is refused, untouched, with what to do', async () => {
  const path = fresh('later.db')
  const db = openDatabase(path, 0)
  db.exec('PRAGMA user_version = 99')
  db.close()
  await assert.rejects(openSqliteStore(path), {
    message: `The database ${path} cannot be opened: The database has schema version 99; this program knows 3. Start a newer version of the program, or restore a backup.`,
  })
  const after = new DatabaseSync(path)
  assert.equal(after.prepare('PRAGMA user_version').get()?.['user_version'], 99)
  after.close()
})

/** Some 800 kB. */
const INSERT_BLOBS = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
  INSERT INTO responses (id, account_id, status, background, created_at, lease_owner, input, response)
  SELECT i, 'alice', 'completed', 0, i, '', zeroblob(8000), x'' FROM n`

/** A database, and the changes that are not in its file yet: what a process leaves that is killed. */
function unfinished(change: (db: DatabaseSync) => void): { path: string; file: Buffer; log: Buffer; moved: Buffer } {
  const path = fresh('unfinished.db')
  const db = openDatabase(path, 0)
  db.exec('PRAGMA wal_autocheckpoint = 0')
  change(db)
  const [file, log] = [readFileSync(path), readFileSync(`${path}-wal`)]
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const moved = readFileSync(path)
  db.close()
  return { path, file, log, moved }
}

test('K-15: a database whose process was killed while its log was moved into the file is opened whole', () => {
  const { path, file, log, moved } = unfinished((db) => db.exec(INSERT_BLOBS))
  // The pages are written in order: the first says how many there are.
  writeFileSync(path, Buffer.concat([moved.subarray(0, PAGE_BYTES), file.subarray(PAGE_BYTES)]))
  writeFileSync(`${path}-wal`, log)
  const db = openDatabase(path, 0)
  assert.equal(db.prepare('SELECT count(*) AS count FROM responses').get()?.['count'], 99)
  db.close()
})

test('a file that has lost its second half is refused, though it has a log', () => {
  const { path, file, log } = unfinished((db) =>
    db.exec(`${INSERT_BLOBS}; PRAGMA wal_checkpoint(TRUNCATE); UPDATE responses SET status = 'failed' WHERE id = '1'`),
  )
  writeFileSync(path, file.subarray(0, file.length / 2))
  writeFileSync(`${path}-wal`, log)
  assert.throws(() => openDatabase(path, 0), /^Error: the file is damaged: restore it from a backup$/)
})

const damages: readonly { what: string; damage: (whole: Buffer) => Buffer }[] = [
  { what: 'holds something else', damage: () => Buffer.alloc(8192, 'x') },
  { what: 'is a few bytes long', damage: () => Buffer.from('hello') },
  { what: 'has a broken header', damage: (whole) => Buffer.from(whole).fill(0, 0, 16) },
  { what: 'has lost its second half', damage: (whole) => whole.subarray(0, whole.length / 2) },
  { what: 'has a page of rubbish', damage: (whole) => Buffer.from(whole).fill(0xff, 9 * PAGE_BYTES, 10 * PAGE_BYTES) },
]
for (const { what, damage } of damages) {
  test(`a file that ${what} is refused by name, and stays as it is`, async () => {
    const path = fresh('damaged.db')
    const bytes = damage(wholeDatabase())
    writeFileSync(path, bytes)
    await assert.rejects(openSqliteStore(path), {
      message: `The database ${path} cannot be opened: the file is damaged: restore it from a backup.`,
    })
    assert.deepEqual(readFileSync(path), bytes)
  })
}

const large = largeDatabase()
const costlyDamages: readonly { what: string; damage: (whole: Buffer) => Buffer }[] = [
  { what: 'has a broken header', damage: (whole) => whole.fill(0, 0, 16) },
  { what: 'has lost its second half', damage: (whole) => whole.subarray(0, whole.length / 2) },
  { what: 'has a broken schema', damage: (whole) => whole.fill(0xff, 100, 400) },
  { what: 'has a broken list of free pages', damage: (whole) => fillPage(whole, whole.readUInt32BE(FREE_LIST_AT)) },
]
for (const { what, damage } of costlyDamages) {
  test(`a file too large to be read whole that ${what} is refused all the same`, () => {
    const path = fresh('large.db')
    writeFileSync(path, damage(Buffer.from(large)))
    assert.throws(() => openDatabase(path, 0), { message: 'the file is damaged: restore it from a backup' })
  })
}

test('a file too large to be read whole that has a page of rubbish is opened, and reading that page tells', () => {
  const path = fresh('large.db')
  writeFileSync(path, fillPage(Buffer.from(large), large.length / PAGE_BYTES / 2))
  const db = openDatabase(path, 0)
  assert.throws(() => db.prepare('SELECT input FROM responses').all(), /database disk image is malformed/)
  db.close()
})

test('a path that can hold no file is refused by name', async () => {
  const folder = fresh('folder')
  mkdirSync(folder)
  for (const path of [folder, `${folder}/no/such/folder/a.db`]) {
    await assert.rejects(openSqliteStore(path), {
      message: `The database ${path} cannot be opened: unable to open database file.`,
    })
  }
})

function schemaOf(path: string): { type: string; name: string; sql: string }[] {
  const db = new DatabaseSync(path)
  // All columns of sqlite_schema are text.
  const rows = db.prepare(`SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name`).all()
  db.close()
  return rows as { type: string; name: string; sql: string }[]
}

/** The bytes of a database with some dozen pages. */
function wholeDatabase(): Buffer {
  const path = fresh('whole.db')
  const db = openDatabase(path, 0)
  db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
    INSERT INTO keys SELECT 'key ' || i, 'alice', hex(zeroblob(40)), i, NULL FROM n`)
  db.close()
  return readFileSync(path)
}

/** The bytes of a database of 35 MB, with free pages. */
function largeDatabase(): Buffer {
  const path = fresh('large.db')
  const db = openDatabase(path, 0)
  db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 35)
    INSERT INTO responses (id, account_id, status, background, created_at, lease_owner, input, response)
    SELECT i, 'alice', 'completed', 0, i, '', zeroblob(1e6), x'' FROM n;
    DELETE FROM responses WHERE id = '35'`)
  db.close()
  return readFileSync(path)
}

function fillPage(whole: Buffer, number: number): Buffer {
  const start = (Math.floor(number) - 1) * PAGE_BYTES
  return whole.fill(0xff, start, start + PAGE_BYTES)
}
