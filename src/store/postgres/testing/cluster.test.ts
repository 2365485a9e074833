import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { CLUSTER_MISSING, clusterForFile, type Stop } from './cluster.ts'

const skip = CLUSTER_MISSING

const cluster = clusterForFile()

for (const how of ['fast', 'immediate', 'kill'] satisfies Stop[]) {
  test(`a server that was stopped (${how}) refuses connections, and comes back with its data`, { skip }, async () => {
    const url = await cluster().createDatabase()
    await query(url, 'CREATE TABLE kept (value int); INSERT INTO kept VALUES (7)')
    await cluster().stop(how)
    await assert.rejects(query(url, 'SELECT 1'), /ECONNREFUSED/)
    await cluster().start()
    assert.deepEqual(await query(url, 'SELECT value FROM kept'), [{ value: 7 }])
  })
}

test('every database is empty, and nobody comes in without the password', { skip }, async () => {
  const [one, other] = [await cluster().createDatabase(), await cluster().createDatabase()]
  await query(one, 'CREATE TABLE mine ()')
  await assert.rejects(query(other, 'SELECT FROM mine'), /does not exist/)
  await assert.rejects(query(one.replace(/:[0-9a-f]+@/, ':wrong@'), 'SELECT 1'), /password authentication failed/)
})

test('a server that cannot start says why', { skip }, async () => {
  await cluster().stop('fast')
  const { port } = cluster()
  const other = spawn(process.execPath, [
    '-e',
    `require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('taken'))`,
  ])
  await once(other.stdout, 'data')
  await assert.rejects(cluster().start(), /Address already in use/)
  other.kill()
  await once(other, 'exit')
  await cluster().start()
})

test('nothing is left of a server whose test was killed', { skip }, async () => {
  const harness = fileURLToPath(new URL('cluster.ts', import.meta.url))
  const program = `
    const { startCluster } = await import(${JSON.stringify(harness)})
    const cluster = await startCluster()
    const { Client } = await import('pg')
    const client = new Client({ connectionString: await cluster.createDatabase() })
    await client.connect()
    const { rows } = await client.query('SHOW data_directory')
    process.send(rows[0].data_directory)`
  const tester = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  const [data] = (await once(tester, 'message')) as [string] // Sent above.
  assert.equal(existsSync(data), true)
  // Whoever cleans up holds the other end of this pipe, too.
  const { stderr } = tester
  assert.ok(stderr)
  const isOver = once(stderr.resume(), 'end')
  tester.kill('SIGKILL')
  await isOver
  assert.equal(existsSync(data), false)
})

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows }: { rows: unknown[] } = await client.query(sql)
    return rows
  } finally {
    await client.end()
  }
}
