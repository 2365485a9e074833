import type { IncomingMessage } from 'node:http'
import { ApiError } from '../protocol/error.ts'

/** A name or an address in brackets, and perhaps a port. */
const HOST_FORM = /^(?:[\w.~!$&'()*+,;=%-]+|\[[\da-f:.]+\])(?::(\d{0,5}))?$/i

const PORT_MAX = 65_535

/**
 * What HTTP demands of a request and Node's parser lets through: a version that we speak, exactly one
 * host, a body that everybody before and behind us measures alike.
 *
 * @throws {ApiError} 400 `bad_http_version`, `invalid_host` or `bad_transfer_encoding`; 417.
 */
export function checkHttp(request: IncomingMessage): void {
  const { headers, httpVersion } = request
  const coding = headers['transfer-encoding']
  if (httpVersion !== '1.1' && (httpVersion !== '1.0' || coding !== undefined)) {
    throw refusal('bad_http_version', 'The request must be HTTP/1.1 (or HTTP/1.0 without Transfer-Encoding).')
  }
  checkHost(request)
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    throw refusal('bad_transfer_encoding', 'Transfer-Encoding may only be chunked.')
  }
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
    throw refusal('expectation_failed', 'Expect may only be 100-continue.', 417)
  }
}

/**
 * Refuses a body that says it is too long, before any of it is asked for.
 *
 * @throws {ApiError} 413.
 */
export function checkLength(header: string | undefined, bytesMax: number): void {
  if (header === undefined || Number(header) <= bytesMax) return
  const message = `The request body may have at most ${bytesMax} bytes, got ${header}.`
  throw refusal('request_too_large', message, 413)
}

function checkHost({ rawHeaders, httpVersion }: IncomingMessage): void {
  const hosts = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'host')
  const [host] = hosts
  if (host === undefined && httpVersion === '1.0') return
  if (host === undefined || hosts.length > 1) {
    throw refusal('invalid_host', `The request must hold one Host header, got ${hosts.length}.`)
  }
  const form = HOST_FORM.exec(host)
  if (form === null || Number(form[1] ?? 0) > PORT_MAX) {
    throw refusal('invalid_host', 'The Host header must be a host name or address, and a port where it is not 80.')
  }
}

/** What comes after such a request cannot be trusted to be another one: the connection is closed. */
function refusal(code: string, message: string, status = 400): ApiError {
  return new ApiError({ type: 'invalid_request_error', status, code, message, headers: { connection: 'close' } })
}
