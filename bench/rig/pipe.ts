/**
 * The raw pipe, a process of its own: `node:http` in, undici `dispatch` out, bytes back as they come. All that
 * a gateway does beyond it is what it costs.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'

const upstream = new Pool(process.argv[2] ?? '', {
  connections: 16_384,
  pipelining: 1,
  headersTimeout: 0,
  bodyTimeout: 0,
})

const server = createServer((request, response) => {
  const pieces: Buffer[] = []
  request.on('data', (piece: Buffer) => pieces.push(piece))
  request.on('end', () => pass(request.url ?? '', Buffer.concat(pieces), response))
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  process.send?.({ port: (server.address() as AddressInfo).port }) // It listens on an IP socket.
})

function pass(path: string, body: Buffer, response: ServerResponse): void {
  upstream.dispatch(
    { method: 'POST', path, headers: { 'content-type': 'application/json' }, body },
    {
      onRequestStart(controller) {
        response.once('close', () => response.writableFinished || controller.abort(new Error('The client left.')))
      },
      onResponseStart(_, status, headers) {
        response.writeHead(status, { 'content-type': String(headers['content-type']) })
      },
      onResponseData(controller, chunk) {
        if (response.write(chunk)) return
        controller.pause()
        response.once('drain', () => controller.resume())
      },
      onResponseEnd: () => void response.end(),
      onResponseError: () => void response.destroy(),
    },
  )
}
