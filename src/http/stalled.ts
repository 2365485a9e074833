import type { Server } from 'node:http'

/**
 * Hangs up on clients that do not take what is left of an answer. Node looks at whether anything has left since, so
 * that who is slow has all the time there is; streams that go on are looked at by whoever writes them.
 *
 * @param stall_ms How long a client may take nothing.
 */
export function watchStalled(server: Server, stall_ms: number): void {
  server.on('request', (_request, response) => {
    response.once('prefinish', () => {
      const { socket } = response
      if (socket === null || socket.writableLength === 0) return
      socket.setTimeout(stall_ms)
      response.once('finish', () => {
        // Unless Node has set the time for the next request: it is behind this one, and may take long.
        if (socket.timeout === stall_ms) socket.setTimeout(0)
      })
    })
  })
}
