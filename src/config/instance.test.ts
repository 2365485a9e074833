import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { test } from 'node:test'
import { instanceOf } from './instance.ts'

const rows = [
  { server: { port: 4000 }, slot: 1, name: `${hostname()}:4000/1` },
  { server: { port: 4000 }, slot: 2, name: `${hostname()}:4000/2` },
  { server: { port: 4000, instance: 'blue' }, slot: 3, name: 'blue/3' },
  { server: { port: 0, instance: 'blue' }, slot: 1, name: 'blue/1' },
]
for (const { server, slot, name } of rows) {
  test(`slot ${slot} of ${JSON.stringify(server)} is ${name.replace(hostname(), 'HOSTNAME')}`, () => {
    assert.equal(instanceOf(server, slot), name)
  })
}

test('a process that has any free port, and no name, is never taken for another', () => {
  assert.notEqual(instanceOf({ port: 0 }, 1), instanceOf({ port: 0 }, 1))
})
