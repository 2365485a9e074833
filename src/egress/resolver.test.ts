import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'
import { test, type TestContext } from 'node:test'
import { openResolver } from './resolver.ts'

const TYPE_A = 1
const TYPE_AAAA = 28

/** The names that the DNS server of the tests knows. */
const ZONE: Readonly<Record<string, readonly string[]>> = {
  'both.example': ['93.184.215.14', '93.184.215.15', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
  'four.example': ['93.184.215.14'],
  'six.example': ['2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
  'inside.example': ['10.0.0.1'],
  'none.example': [],
}

/** A DNS server on this machine, and what it is asked. */
async function open(context: TestContext) {
  const asked: string[] = []
  const server = createSocket('udp4')
  server.on('message', (query, { port, address }) => {
    const { name, type, question } = questionOf(query)
    asked.push(`${name} ${type === TYPE_A ? 'A' : 'AAAA'}`)
    server.send(answerTo({ id: query.subarray(0, 2), question, name, type }), port, address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => server.close())
  return { asked, server: `127.0.0.1:${server.address().port}` }
}

function questionOf(query: Buffer): { name: string; type: number; question: Buffer } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return {
    name: labels.join('.').toLowerCase(),
    type: query.readUInt16BE(at + 1),
    question: query.subarray(12, at + 5),
  }
}

function answerTo(query: { id: Buffer; question: Buffer; name: string; type: number }): Buffer {
  const known = ZONE[query.name]
  const records = (known ?? []).filter((address) => isIPv4(address) === (query.type === TYPE_A)).map(recordOf)
  const flags = Buffer.from([0x81, known === undefined ? 0x83 : 0x80])
  const counts = Buffer.from([0, 1, 0, records.length, 0, 0, 0, 0])
  return Buffer.concat([query.id, flags, counts, query.question, ...records])
}

/** A record for the name of the question, to be forgotten at once. */
function recordOf(address: string): Buffer {
  const bytes = isIPv4(address)
    ? Buffer.from(address.split('.').map(Number))
    : Buffer.from(
        address
          .split(':')
          .map((group) => group.padStart(4, '0'))
          .join(''),
        'hex',
      )
  const type = isIPv4(address) ? TYPE_A : TYPE_AAAA
  return Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, bytes.length]), bytes])
}

test('A name is asked for in both families at the server that is given, and all its addresses are told', async (context) => {
  const { server, asked } = await open(context)
  const resolve = openResolver({ server, localNames: new Set() })
  for (const name of ['both.example', 'four.example', 'six.example', 'inside.example']) {
    assert.deepEqual((await resolve(name)).toSorted(), [...(ZONE[name] ?? [])].toSorted())
  }
  assert.deepEqual(asked.slice(0, 2).sort(), ['both.example A', 'both.example AAAA'])
  assert.equal(asked.length, 8)
})

test('A name without addresses, or that does not exist, is unreachable: the fault is not ours', async (context) => {
  const { server } = await open(context)
  const resolve = openResolver({ server, localNames: new Set() })
  for (const name of ['none.example', 'missing.example']) await assert.rejects(resolve(name), { isOurs: false })
})

test('A DNS server that does not listen is our fault', async (context) => {
  const { server } = await open(context)
  const closed = createSocket('udp4').bind(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address()
  closed.close()
  assert.notEqual(server, `127.0.0.1:${port}`)
  const resolve = openResolver({ server: `127.0.0.1:${port}`, localNames: new Set() })
  await assert.rejects(resolve('both.example'), { isOurs: true })
})

test('A name of the operator is looked up as this machine does it, unless a server is given', async (context) => {
  const { server, asked } = await open(context)
  const localNames = new Set(['localhost'])
  const addresses = await openResolver({ server: undefined, localNames })('localhost')
  assert.ok(addresses.length > 0 && addresses.every((address) => ['127.0.0.1', '::1'].includes(address)))
  await assert.rejects(openResolver({ server, localNames })('localhost'))
  assert.deepEqual(asked.toSorted(), ['localhost A', 'localhost AAAA'])
})
