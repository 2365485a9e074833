import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from 'pg'
import { binaryArray } from './binary-array.ts'
import { CLUSTER_MISSING, clusterForFile } from './testing/cluster.ts'

const cluster = clusterForFile()

test('the server reads an array of bytes as it was written', { skip: CLUSTER_MISSING }, async () => {
  const client = new Client({ connectionString: await cluster().createDatabase() })
  await client.connect()
  const lists = [[], [null], [Buffer.alloc(0)], [Buffer.from([0, 255, 92]), null, Buffer.from('ä\u0000"{}')]]
  for (const list of lists) {
    const { rows } = await client.query<{ element: Buffer | null }>(
      'SELECT element FROM unnest($1::bytea[]) WITH ORDINALITY AS t (element, position) ORDER BY position',
      [binaryArray(list)],
    )
    assert.deepEqual(
      rows.map(({ element }) => element),
      list,
    )
  }
  await client.end()
})
