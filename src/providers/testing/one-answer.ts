import type { Transport, TransportRequest } from '../../core/transport.ts'
import { bodyOf } from './body.ts'

/** A provider that says one thing to whoever asks, and remembers what it was asked. */
export class OneAnswer implements Transport {
  readonly requests: TransportRequest[] = []
  readonly #text: string
  readonly #contentType: string
  readonly #status: number

  constructor(text: string, contentType = 'application/json', status = 200) {
    this.#text = text
    this.#contentType = contentType
    this.#status = status
  }

  send(request: TransportRequest) {
    this.requests.push(request)
    const body = bodyOf(pieces(this.#text))
    return Promise.resolve({ status: this.#status, headers: { 'content-type': this.#contentType }, body })
  }
}

// eslint-disable-next-line typescript/require-await -- A body is read asynchronously, wherever it comes from.
async function* pieces(text: string) {
  yield Buffer.from(text)
}
