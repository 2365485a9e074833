/**
 * The mock upstream, a process of its own: a Chat Completions provider that does what the script in the
 * prompt says. It answers on one port and listens for the ids of answers that shall go on at another; both
 * are told to the parent.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createLineServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { chunkFrame, chunkText, endFrames, readScript, wholeAnswer, type Script } from './script.ts'

/** One answer that is under way. */
interface Answer {
  readonly script: Script
  readonly response: ServerResponse
  readonly startedAt_ms: number
  sent: number
}

/** Time between two looks at the answers that are paced, in milliseconds. */
const TICK_MS = 4

const PLAIN_CHUNK = chunkFrame(chunkText())

const asked = new Map<string, Answer>()
const paced = new Set<Answer>()
let arrivals: [id: string, at_ms: number][] = []

const server = createServer((request, response) => void answer(request, response))
const lines = createLineServer((socket) => void listen(socket))
setInterval(advance, TICK_MS)
await Promise.all([listening(server), listening(lines)])
process.send?.({ port: portOf(server), askPort: portOf(lines) })
process.on('message', () => {
  process.send?.(arrivals)
  arrivals = []
})

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await textOf(request)
  const script = readScript(body)
  if (script.id !== undefined) arrivals.push([script.id, performance.timeOrigin + performance.now()])
  if (!/"stream": ?true/.test(body)) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(wholeAnswer(script.chunks))
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  begin({ script, response, startedAt_ms: performance.now(), sent: 0 })
}

function begin(answer: Answer): void {
  const { script, response } = answer
  const { chunks, pace, id } = script
  if (pace === 'together') {
    response.end(PLAIN_CHUNK.repeat(chunks) + endFrames(chunks))
    return
  }
  send(answer)
  if (pace === 'silent' || answer.sent === chunks) return
  const forget = () => (pace === 'asked' ? asked.delete(id ?? '') : paced.delete(answer))
  response.once('close', forget)
  if (pace === 'asked') asked.set(id ?? '', answer)
  else paced.add(answer)
}

/** Each chunk is a write of its own; the last brings the end along. */
function send(answer: Answer): void {
  const { script, response } = answer
  answer.sent++
  const isTimed = typeof script.pace === 'object'
  const frame = isTimed ? chunkFrame(chunkText(process.hrtime.bigint())) : PLAIN_CHUNK
  if (answer.sent < script.chunks || script.pace === 'silent') response.write(frame)
  else response.end(frame + endFrames(script.chunks))
}

/** Sends what is due. Whoever reads too slowly gets the rest later: nothing is left out. */
function advance(): void {
  const now_ms = performance.now()
  for (const answer of paced) {
    const { pace, chunks } = answer.script
    if (typeof pace !== 'object') continue
    const due = Math.min(chunks, 1 + Math.floor(((now_ms - answer.startedAt_ms) * pace.perSecond) / 1000))
    while (answer.sent < due && !answer.response.writableNeedDrain) send(answer)
  }
}

async function listen(socket: Socket): Promise<void> {
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  for await (const id of createInterface({ input: socket })) {
    const answer = asked.get(id)
    if (answer !== undefined) send(answer)
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  request.setEncoding('utf8')
  let text = ''
  for await (const piece of request) text += piece
  return text
}

function listening(opened: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  opened.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve)
  return promise
}

function portOf(opened: Server): number {
  return (opened.address() as AddressInfo).port // It listens on an IP socket.
}
