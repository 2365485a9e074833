import { once } from 'node:events'
import { isIP, SocketAddress, type LookupFunction, type Socket, type TcpNetConnectOpts } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { isPrivateHost, isPublicAddress } from './addresses.ts'
import { connectionFault, unreachable } from './fetch-fault.ts'
import type { Resolve } from './resolver.ts'

/** What connections are made with. */
export interface Means {
  readonly resolve: Resolve
  /** Opens a socket, as `connect` of `node:net` does. */
  readonly connect: (options: TcpNetConnectOpts) => Socket
  /** Certificates to trust instead of the usual ones. */
  readonly ca: string | undefined
}

/** Where a connection is to lead. */
export interface Goal {
  readonly url: URL
  /** Whether it is an origin of the operator, which may be private. */
  readonly isAllowed: boolean
  readonly signal: AbortSignal
}

/**
 * Connects to the host of a URL, if it is in the public Internet. Addresses are looked up once, each of them is
 * checked, and the connection goes to one of those; that it did is checked before a byte is sent.
 *
 * @throws {FetchFault} The host may not be reached, or cannot be; which of both is not told.
 */
export async function openUserSocket(goal: Goal, means: Means): Promise<Socket> {
  const { url, isAllowed, signal } = goal
  const host = url.hostname.replace(/^\[|\]$/g, '')
  try {
    if (!isAllowed && isPrivateHost(url.hostname)) throw unreachable()
    const found = isIP(host) === 0 ? await unlessAborted(means.resolve(host), signal) : [host]
    const addresses = found.map(canonical)
    if (addresses.length === 0 || !(isAllowed || addresses.every(isPublicAddress))) throw unreachable()
    const socket = await connectTo({ goal, host, addresses }, means)
    return url.protocol === 'https:' ? await secure(socket, { goal, host, ca: means.ca }) : socket
  } catch (error) {
    throw connectionFault(error) // Whatever it was: an answer of its own would tell something.
  }
}

/** @throws The promise does not keep up with the signal. */
function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const stop = () => reject(unreachable(signal.reason))
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', stop))
}

/** An address as sockets spell it. @throws It is none. */
function canonical(address: string): string {
  return new SocketAddress({ address, family: isIP(address) === 6 ? 'ipv6' : 'ipv4' }).address
}

interface Checked {
  readonly goal: Goal
  readonly host: string
  readonly addresses: readonly string[]
}

async function connectTo({ goal: { url, signal }, host, addresses }: Checked, means: Means): Promise<Socket> {
  const answers = addresses.map((address) => ({ address, family: isIP(address) }))
  // Asked with `all`, because both families are tried. It is not asked where the host is an address.
  const lookup: LookupFunction = (_host, _options, answer) => answer(null, answers)
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const socket = means.connect({ host, port, lookup, autoSelectFamily: true, noDelay: true })
  await opened(socket, 'connect', signal)
  const { remoteAddress = '' } = socket
  if (addresses.includes(remoteAddress)) return socket
  socket.destroy()
  throw unreachable()
}

interface SecureGoal {
  readonly goal: Goal
  readonly host: string
  readonly ca: string | undefined
}

async function secure(socket: Socket, { goal, host, ca }: SecureGoal): Promise<Socket> {
  const name = host.replace(/\.$/, '')
  const secured = connectSecurely({
    socket,
    host: name,
    ...(isIP(host) === 0 ? { servername: name } : {}),
    ...(ca === undefined ? {} : { ca }),
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true, // Whatever the environment says.
  })
  await opened(secured, 'secureConnect', goal.signal)
  return secured
}

/** Waits for a socket; one that fails, or takes too long, is closed. */
async function opened(socket: Socket, event: string, signal: AbortSignal): Promise<void> {
  socket.on('error', () => {}) // What goes wrong later is heard by whoever reads.
  try {
    await once(socket, event, { signal })
  } catch (error) {
    socket.destroy()
    throw error
  }
}
