import { request, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FetchKind } from '../core/fetcher.ts'
import type { Share } from './fetch-budget.ts'
import { connectionFault, FetchFault, overloaded, unreachable } from './fetch-fault.ts'

const ACCEPT = {
  image: 'image/png, image/jpeg, image/gif, image/webp',
  file: 'application/pdf, text/*, */*;q=0.1',
} as const satisfies Record<FetchKind, string>

/** What is asked for, over a socket that leads there. */
export interface Question {
  readonly url: URL
  readonly wanted: FetchKind
  readonly signal: AbortSignal
}

/**
 * Asks for a URL and waits for the head of the answer. No cookie and no credential is ever sent.
 *
 * @throws {FetchFault} What came is no answer.
 */
export function ask(socket: Socket, { url, wanted, signal }: Question): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const asking = request({
    createConnection: () => socket,
    path: url.pathname + url.search,
    headers: {
      host: url.host,
      accept: ACCEPT[wanted],
      'accept-encoding': 'identity',
      'user-agent': 'antiphon',
      connection: 'close',
    },
    signal,
  })
  asking.once('response', resolve)
  asking.on('error', (error) => reject(unreachable(error))) // Later ones are heard by whoever reads the answer.
  asking.once('close', () => reject(unreachable())) // A change of protocol is neither answer nor error.
  asking.end()
  return promise
}

const REDIRECTS: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308])

/**
 * Where an answer leads on to; undefined where it is the answer itself.
 *
 * @throws {FetchFault} It is neither, or not in plain bytes.
 */
export function locationOf({ statusCode, headers }: IncomingMessage): string | undefined {
  if (REDIRECTS.has(statusCode) && headers.location !== undefined) return headers.location
  if (statusCode !== 200) throw new FetchFault(`was answered with status ${statusCode}`)
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (encoding !== '' && encoding !== 'identity') {
    throw new FetchFault('must lead to plain bytes: its server compresses them unasked')
  }
  return undefined
}

/** How much may be read, and in what room. */
export interface ReadingRoom {
  readonly bytesMax: number
  readonly share: Share
  readonly signal: AbortSignal
}

/** Most pieces of a body. Each costs microseconds, however small it is, and 20 MB can come in as many million. */
export const PIECES_MAX = 100_000

/** What is made room for at first. */
const FIRST_BYTES = 64 * 1024

/**
 * Reads a body whole.
 *
 * @throws {FetchFault} It is too long, or ends early, or there is no room.
 */
export async function readBody(answer: IncomingMessage, room: ReadingRoom): Promise<Buffer> {
  const { bytesMax, share, signal } = room
  if (Number(answer.headers['content-length'] ?? 0) > bytesMax) throw tooLong(bytesMax)
  // One buffer that grows: pieces of a byte each, kept one by one, would be hundreds of times their length.
  let body: Buffer = Buffer.allocUnsafeSlow(Math.min(FIRST_BYTES, bytesMax))
  let [length, pieces] = [0, 0]
  let isShort = false // Of room.
  const add = (piece: Buffer) => {
    if (length + piece.length > body.length) body = grown(body, Math.min(bytesMax, 2 * (length + piece.length)))
    length += piece.copy(body, length)
  }
  const gathering = new Writable({
    write(piece: Buffer, _encoding, taken) {
      if (length + piece.length > bytesMax) return taken(tooLong(bytesMax))
      if (++pieces > PIECES_MAX) return taken(new FetchFault('must lead to bytes that come in larger pieces'))
      const waiting = share.take(piece.length, signal)
      isShort = waiting !== undefined
      const keep = () => {
        isShort = false
        add(piece)
        taken()
      }
      if (waiting === undefined) keep()
      else waiting.then(keep, taken)
    },
  })
  await pipeline(answer, gathering).catch((error: unknown) => {
    throw isShort ? overloaded(error) : connectionFault(error)
  })
  return body.subarray(0, length)
}

function grown(body: Buffer, bytes: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(bytes)
  body.copy(larger)
  return larger
}

function tooLong(bytesMax: number): FetchFault {
  return new FetchFault(`must lead to at most ${bytesMax} bytes`)
}
