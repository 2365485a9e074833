/**
 * `npm run bench:peers`: the same load on Antiphon, the raw pipe and servers that others make, installed from npm
 * on demand. Prints a table, writes docs/bench/peers.json and the table of docs/bench/peers.md.
 *
 * `--rounds N` (3), `--only portkey,llms,http-proxy`, `--quick`: a tenth of the load, to see that all works. With
 * the last two nothing is written.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { VERSION } from '../src/version.ts'
import { compare, type Amount } from './peers/compare.ts'
import { ownContenders, startPeer, type Started } from './peers/contender.ts'
import { httpProxy } from './peers/http-proxy.ts'
import { llms } from './peers/llms.ts'
import { fillIn, tableOf, weatherOf, type Comparison } from './peers/page.ts'
import { WORKS, type Peer } from './peers/peer.ts'
import { portkey } from './peers/portkey.ts'
import { startRig } from './rig/rig.ts'

const PEERS: readonly Peer[] = [httpProxy, portkey, llms]

const CONNECTIONS = 16

const FULL: Amount = {
  rounds: 3,
  warmUp: { connections: CONNECTIONS, json: 6000, short: 500, long: 50 },
  cost: { connections: CONNECTIONS, json: 3000, short: 1500, long: 150 },
  saturated: { chunksPerStream: 1000, json: 3000 },
}

const QUICK: Amount = {
  rounds: 1,
  warmUp: { connections: CONNECTIONS, json: 300, short: 50, long: 5 },
  cost: { connections: CONNECTIONS, json: 300, short: 150, long: 16 },
  saturated: { chunksPerStream: 100, json: 300 },
}

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, only: { type: 'string' }, quick: { type: 'boolean', default: false } },
})
const amount = values.quick ? QUICK : FULL
const wanted = values.only?.split(',') ?? PEERS.map(({ name }) => name)
const unknown = wanted.filter((name) => !PEERS.some((peer) => peer.name === name))
if (unknown.length > 0) throw new Error(`--only knows ${PEERS.map(({ name }) => name).join(', ')}, not ${unknown[0]}.`)

const comparison: Comparison = {
  machine: `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`,
  measuredAt: new Date().toISOString(),
  results: await measure(PEERS.filter(({ name }) => wanted.includes(name))),
}
process.stdout.write(`${comparison.machine}\n${weatherOf(comparison)}\n\n${tableOf(comparison)}\n`)
if (!values.quick && values.only === undefined) {
  const page = new URL('../docs/bench/peers.md', import.meta.url)
  writeFileSync(page, fillIn(readFileSync(page, 'utf8'), comparison))
  writeFileSync(new URL('../docs/bench/peers.json', import.meta.url), `${JSON.stringify(comparison, null, 1)}\n`)
}

async function measure(peers: readonly Peer[]): Promise<Comparison['results']> {
  const rig = await startRig()
  const started: Started[] = []
  try {
    for (const peer of peers) started.push(await startPeer(peer, rig))
    const contenders = [...ownContenders(rig, VERSION), ...started.flatMap((peer) => peer.contenders)]
    const inOrder = contenders.toSorted((one, other) => WORKS.indexOf(one.work) - WORKS.indexOf(other.work))
    return await compare(rig, inOrder, { ...amount, rounds: Number(values.rounds ?? amount.rounds) })
  } finally {
    await Promise.all(started.map((peer) => peer.stop()))
    await rig.close()
  }
}
