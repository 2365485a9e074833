import { openSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort, launch, type MeasuredProcess } from '../rig/process.ts'
import type { Rig, Server } from '../rig/rig.ts'
import { install } from './install.ts'
import { CHAT, type Peer, type Way, type Work } from './peer.ts'

/** One row of the comparison: an API of a server. */
export interface Contender {
  /** The package, or what the server is called. */
  readonly name: string
  readonly version: string
  readonly api: string
  readonly work: Work
  /** How it is asked and measured; or why it is not. */
  readonly server: Server | { readonly fault: string }
}

/** What takes part besides the peers: the pipe, and Antiphon with both of its APIs. */
export function ownContenders({ pipe, antiphon }: Rig, version: string): Contender[] {
  const { target } = antiphon
  const chat = { ...target, path: CHAT.path, body: CHAT.body }
  const own = { name: 'Antiphon', version }
  return [
    { name: 'raw pipe', version: '', api: CHAT.api, work: CHAT.work, server: pipe },
    { ...own, api: CHAT.api, work: CHAT.work, server: { ...antiphon, target: chat } },
    { ...own, api: 'Responses', work: 'translates and stores', server: antiphon },
  ]
}

/** The APIs of a peer that was installed and started, or why it could not be. */
export interface Started {
  readonly contenders: readonly Contender[]
  stop(): Promise<void>
}

/** Installs and starts a peer. Never throws: a peer that fails is a row of the table too. */
export async function startPeer(peer: Peer, rig: Rig): Promise<Started> {
  const contendersWith = (serverOf: (way: Way) => Contender['server']) =>
    peer.ways.map((way): Contender => {
      const version = peer.versions[peer.package] ?? ''
      return { name: peer.package, version, api: way.api, work: way.work, server: serverOf(way) }
    })
  try {
    const { origin, process } = await launchPeer(peer, rig)
    const contenders = contendersWith(({ path, headers, body }) => ({
      process,
      target: { name: peer.name, origin, path, headers: headers(rig.upstreamOrigin), body },
    }))
    return { contenders, stop: () => end(process) }
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    return { contenders: contendersWith(() => ({ fault })), stop: () => Promise.resolve() }
  }
}

async function launchPeer(peer: Peer, rig: Rig): Promise<{ origin: string; process: MeasuredProcess }> {
  const folder = install(peer)
  const port = await freePort()
  const process = launch({
    args: peer.args({ folder, port, upstreamOrigin: rig.upstreamOrigin }),
    environment: peer.environment ?? {},
    folder,
    stdout: openSync(join(rig.folder, `${peer.name}.log`), 'w'), // As Antiphon's: a log costs what it costs.
  })
  try {
    await untilOpen(port, process)
  } catch (error) {
    await end(process)
    throw error
  }
  return { origin: `http://127.0.0.1:${port}`, process }
}

/** At once, whatever it still waits for. */
async function end(process: MeasuredProcess): Promise<void> {
  process.child.kill('SIGKILL')
  await process.stop()
}

const OPEN_MS_MAX = 30_000

const OPEN_LOOK_MS = 20

/** Resolves when a port takes connections: no request is made that a peer might pass on. */
async function untilOpen(port: number, { child }: MeasuredProcess): Promise<void> {
  const deadline_ms = performance.now() + OPEN_MS_MAX
  while (!(await isOpen(port))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('It ended instead of listening.')
    if (performance.now() > deadline_ms) throw new Error(`It did not listen within ${OPEN_MS_MAX / 1000} s.`)
    await setTimeout(OPEN_LOOK_MS)
  }
}

function isOpen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ port, host: '127.0.0.1' })
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
