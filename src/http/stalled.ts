import type { Server, ServerResponse } from 'node:http'

/**
 * Hangs up on clients that do not take what is left of an answer. Node looks at whether anything has left since, so
 * that who is slow has all the time there is; streams that go on are looked at by whoever writes them.
 *
 * @param stall_ms How long a client may take nothing.
 */
export function watchStalled(server: Server, stall_ms: number): void {
  // It is told what it listens to by `this`: a closure would be kept for each of thousands of streams.
  function look(this: ServerResponse): void {
    const { socket } = this
    if (socket === null || socket.writableLength === 0) return
    socket.setTimeout(stall_ms)
    this.once('finish', () => {
      // Unless Node has set the time for the next request: it is behind this one, and may take long.
      if (socket.timeout === stall_ms) socket.setTimeout(0)
    })
  }
  server.on('request', (_request, response) => void response.on('prefinish', look))
}
