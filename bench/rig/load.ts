import { connect, type Socket } from 'node:net'
import { Pool } from 'undici'
import { CHUNK_MARK, writeScript, type Script } from './script.ts'

/** A server under load: how it is reached and what it is asked. */
export interface Target {
  readonly name: string
  readonly origin: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** The request's body that makes the mock upstream play a script. */
  body(prompt: string, isStream: boolean): object
}

/** What was seen of one exchange. Times are milliseconds on the load's own clock. */
export interface Exchange {
  readonly status: number
  /** From sending the request to the first chunk of text; undefined where none came. */
  readonly first_ms: number | undefined
  /** From a timed chunk's sending by the upstream to its arrival here, in microseconds, a number per chunk. */
  readonly delays_us: readonly number[]
  /** The answer, where it is not a stream. */
  readonly text: string
}

/** Sends exchanges to one target over connections that are kept. */
export interface Load {
  /** One exchange. @throws The status is not 2xx, or the answer breaks off. */
  exchange(script: Script, isStream: boolean): Promise<Exchange>
  /** One exchange with a body of the caller's own making. */
  post(body: object, script: Script): Promise<Exchange>
  /** One stream; tells when its first chunk has come. */
  watch(script: Script, onFirst: () => void): Promise<Exchange>
  close(): Promise<void>
}

/** Opens a load. @param askPort Where the mock upstream is asked for the next chunk. */
export function openLoad(target: Target, connections: number, askPort: number): Load {
  const pool = new Pool(target.origin, { connections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
  const asking = connect({ port: askPort, host: '127.0.0.1', noDelay: true })
  const post = (body: object, script: Script, onFirst = () => {}) =>
    send({ target, pool, asking, onFirst }, JSON.stringify(body), script)
  return {
    exchange: (script, isStream) => post(target.body(writeScript(script), isStream), script),
    post,
    watch: (script, onFirst) => post(target.body(writeScript(script), true), script, onFirst),
    close: async () => {
      asking.destroy()
      await pool.destroy()
    },
  }
}

interface Connections {
  readonly target: Target
  readonly pool: Pool
  readonly asking: Socket
  readonly onFirst: () => void
}

function send({ target, pool, asking, onFirst }: Connections, body: string, script: Script): Promise<Exchange> {
  const { promise, resolve, reject } = Promise.withResolvers<Exchange>()
  const start_ms = performance.now()
  const delays_us: number[] = []
  const pieces: Buffer[] = []
  const reader = createChunkReader(typeof script.pace === 'object' ? delays_us : undefined)
  let status = 0
  let first_ms: number | undefined
  let seen = 0
  const headers = { 'content-type': 'application/json', ...target.headers }
  pool.dispatch(
    { method: 'POST', path: target.path, headers, body },
    {
      onRequestStart() {},
      onResponseStart(_, code) {
        status = code
      },
      onResponseData(_, piece) {
        if (status > 299 || !reader.isStream(piece)) pieces.push(piece)
        if (seen >= script.chunks) return
        const count = reader.read(piece)
        if (count === 0) return
        if (seen === 0) {
          first_ms = performance.now() - start_ms
          onFirst()
        }
        seen += count
        if (script.pace === 'asked' && seen < script.chunks) asking.write(`${script.id}\n`.repeat(count))
      },
      onResponseEnd() {
        const text = Buffer.concat(pieces).toString()
        if (status >= 200 && status < 300) resolve({ status, first_ms, delays_us, text })
        else reject(new Error(`${target.name} answered ${status}: ${text.slice(0, 300)}`))
      },
      onResponseError: (_, error) => reject(error),
    },
  )
  return promise
}

/** Counts the chunks of text in what comes, whatever frames them. */
function createChunkReader(delays_us: number[] | undefined) {
  const mark = CHUNK_MARK.charCodeAt(0)
  let sort: 'stream' | 'whole' | undefined
  return {
    /** Whether the answer is a stream of events; its first byte tells. */
    isStream(piece: Buffer): boolean {
      sort ??= piece[0] === '{'.charCodeAt(0) ? 'whole' : 'stream'
      return sort === 'stream'
    },
    read(piece: Buffer): number {
      let count = 0
      for (let at = piece.indexOf(mark); at !== -1; at = piece.indexOf(mark, at + 1)) {
        count++
        delays_us?.push(delayOf(piece, at))
      }
      return count
    },
  }
}

/** Both processes read the machine's one monotonic clock. */
function delayOf(piece: Buffer, at: number): number {
  const end = piece.indexOf(';', at)
  return Number(process.hrtime.bigint() - BigInt(piece.toString('latin1', at + 1, end))) / 1000
}

/** Does something so many times, with at most so many under way. */
export async function repeat(times: number, atOnce: number, act: (turn: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const work = async () => {
    while (next < times) await act(next++)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, times) }, work))
}

/** Begins something at a fixed rate, whatever becomes of it, and waits for all. @returns what each gave. */
export async function atRate<Value>(
  { perSecond, times }: { perSecond: number; times: number },
  act: (turn: number) => Promise<Value>,
): Promise<Value[]> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const start_ms = performance.now()
  const begun: Promise<Value>[] = []
  const timer = setInterval(() => {
    const due = Math.min(times, Math.ceil(((performance.now() - start_ms) * perSecond) / 1000))
    while (begun.length < due) begun.push(act(begun.length))
    if (begun.length === times) resolve()
  }, 1)
  await promise
  clearInterval(timer)
  return Promise.all(begun)
}
