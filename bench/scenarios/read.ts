import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accountId, mintResponseId } from '../../src/protocol/id.ts'
import { openDatabase } from '../../src/store/sqlite/open-database.ts'
import { prepareOperations } from '../../src/store/sqlite/operations.ts'

const TURNS = 20

/** Bytes of a turn's question and of its answer. */
const TURN_BYTES = 2500

/** Bytes of a snapshot without what was said. */
const SNAPSHOT_BYTES = 1200

/** CPU of reading a thread of 20 turns (5 kB each) from SQLite, checked and as text, in microseconds. */
export function measureThreadRead(times: number): number {
  const folder = mkdtempSync(join(tmpdir(), 'antiphon-read-'))
  const db = openDatabase(join(folder, 'antiphon.db'), 0)
  const operations = prepareOperations(db, { wall_ms: Date.now, steady_ms: Date.now })
  const account = accountId('bench')
  const idOf = (turn: number) => mintResponseId(String(turn).padStart(48, '0'))
  const payload = JSON.stringify(['x'.repeat(TURN_BYTES)])
  const rest = JSON.stringify('x'.repeat(SNAPSHOT_BYTES))
  for (let turn = 0; turn < TURNS; turn++) {
    const previousId = turn === 0 ? undefined : idOf(turn - 1)
    const none = { request: undefined, clientItemIds: [], binding: undefined }
    const fixed = { background: false, createdAt: 1, calls: '[]', ...none }
    const row = {
      id: idOf(turn),
      status: 'in_progress' as const,
      previousId,
      input: payload,
      response: payload,
      ...fixed,
    }
    operations.insert(account, row, 'bench')
    const ending = { response: rest, output: payload, log: '[]', calls: '[]' }
    operations.end(account, row.id, { status: 'completed', version: 1, ending, seen: 0 })
  }
  const read = () => operations.thread(account, idOf(TURNS - 1), 1001)
  for (let time = 0; time < times; time++) read()
  const before = process.cpuUsage()
  for (let time = 0; time < times; time++) read()
  const { user, system } = process.cpuUsage(before)
  db.close()
  rmSync(folder, { recursive: true })
  return (user + system) / times
}
