import { once } from 'node:events'
import { connect } from 'node:net'

/** An answer as it stood on the wire. */
export interface RawAnswer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** How long a server may take to answer and hang up, in milliseconds. */
const PATIENCE_MS = 5000

/**
 * Sends bytes over a connection of their own and reads until the server closes it.
 *
 * @param bytes A string is sent as Latin-1: one byte a character.
 * @throws The server leaves the connection open, or answers with something that is not HTTP.
 */
export async function sendRaw(url: string, bytes: string | Uint8Array): Promise<readonly RawAnswer[]> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {}) // A reset after the answer is as good as a close.
  const timer = setTimeout(() => socket.destroy(new Error('The server left the connection open.')), PATIENCE_MS)
  const closed = new Promise<boolean>((resolve) => socket.once('close', () => resolve(socket.errored === null)))
  await once(socket, 'connect')
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  const isClosedByServer = await closed
  clearTimeout(timer)
  const text = Buffer.concat(chunks).toString('latin1')
  if (!isClosedByServer && socket.errored?.message.includes('open') === true) throw socket.errored
  return readAnswers(text)
}

function readAnswers(text: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  let rest = text
  while (rest !== '') {
    const [, status = '', head = ''] = /^HTTP\/1\.1 (\d{3})[^\r]*\r\n((?:[^\r]+\r\n)*)\r\n/.exec(rest) ?? []
    if (status === '') throw new Error(`Not HTTP: ${rest.slice(0, 100)}`)
    const headers = Object.fromEntries(
      head
        .split('\r\n')
        .filter((line) => line !== '')
        .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    )
    rest = rest.slice(rest.indexOf('\r\n\r\n') + 4)
    const length = Number(status) < 200 ? 0 : Number(headers['content-length'] ?? rest.length)
    answers.push({ status: Number(status), headers, body: rest.slice(0, length) })
    rest = rest.slice(length)
  }
  return answers
}
