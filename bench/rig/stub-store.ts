/** The storage thread of the smallest gateway: one table, one transaction for each batch of rows. */
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'

const db = new DatabaseSync(String(workerData))
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
db.exec('CREATE TABLE responses (id TEXT PRIMARY KEY, input TEXT, response TEXT) STRICT')
const insert = db.prepare('INSERT INTO responses (id, input, response) VALUES (?, ?, ?)')

parentPort?.on('message', (rows: readonly { id: string; input: string; response: string }[]) => {
  db.exec('BEGIN IMMEDIATE')
  for (const { id, input, response } of rows) insert.run(id, input, response)
  db.exec('COMMIT')
  parentPort?.postMessage('done')
})
