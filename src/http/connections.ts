import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { createTally } from '../engine/tally.ts'

/** The connections of clients, and the answers that are under way on them. */
export interface Connections {
  /** From now on each answer says that it is the last of its connection, those under way included. */
  announceEnd(): void
  /**
   * From now on whoever waits for no answer is hung up on, as soon as that is so. Whoever has not asked anything yet
   * is still answered.
   */
  hangUp(): void
  /** Cuts every connection, whatever is under way on it. */
  cut(): void
  /** Resolves as soon as no answer is under way. */
  answered(): Promise<void>
}

/** Keeps an eye on the connections of a server, from before its first on. */
export function watchConnections(server: Server): Connections {
  const open = new Map<Socket, ServerResponse[]>()
  const underWay = createTally()
  let [isEnding, isHangingUp] = [false, false]

  // They are told what they listen to by `this`: a closure would be kept for each.
  function forget(this: Socket): void {
    const left = open.get(this) ?? [] // A request behind another on its connection is told of no end.
    open.delete(this)
    for (const _ of left) underWay.end()
  }
  function end(this: ServerResponse): void {
    const answers = open.get(this.req.socket)
    const index = answers?.indexOf(this) ?? -1
    if (answers === undefined || index < 0) return
    answers.splice(index, 1)
    underWay.end()
    if (isHangingUp && answers.length === 0) this.req.socket.end()
  }
  server.on('connection', (socket) => void open.set(socket.on('close', forget), []))
  server.prependListener('request', (request, response) => {
    if (isEnding) response.shouldKeepAlive = false
    open.get(request.socket)?.push(response.on('close', end))
    underWay.begin()
  })
  // Node's own hangs up on answers that are made and not yet sent, whenever a server closes.
  server.closeIdleConnections = () => {}

  return {
    announceEnd() {
      isEnding = true
      for (const response of [...open.values()].flat()) if (!response.headersSent) response.shouldKeepAlive = false
    },
    hangUp() {
      isHangingUp = true
      for (const [socket, answers] of open) if (answers.length === 0 && socket.bytesRead > 0) socket.end()
    },
    cut() {
      for (const socket of open.keys()) socket.destroy()
    },
    answered: () => underWay.none(),
  }
}
