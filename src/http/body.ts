import { ApiError, badRequest } from '../protocol/error.ts'

/** Most values in a body, fields and items alike: a tenth of a second to parse, where 32 MB could be two seconds. */
const VALUES_MAX = 1_000_000

const COMMA = 0x2c
const BRACKET = { '[': 0x5b, ']': 0x5d, '{': 0x7b, '}': 0x7d } as const
const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Reads a JSON body. Its depth is measured on the bytes first, because `JSON.parse` has no limit and
 * everything after it has one; its values are counted, because nobody else is served while it is parsed. Lone
 * surrogates become U+FFFD.
 *
 * @throws {ApiError} 400 `invalid_json`, `invalid_utf8`, `json_too_deep` or `json_too_large`.
 */
export function readJsonBody(bytes: Uint8Array, depthMax: number): unknown {
  if (bytes.length === 0) throw badRequest('invalid_json', '', 'The request body is empty: send a JSON object.')
  checkShape(bytes, depthMax)
  const text = decode(bytes)
  try {
    const value: unknown = JSON.parse(text)
    return /\\u[dD][89a-fA-F]/.test(text) ? wellFormed(value) : value
  } catch (cause) {
    const message = `The request body is not valid JSON${placeOf(cause)}.`
    throw new ApiError({ type: 'invalid_request_error', code: 'invalid_json', message, cause })
  }
}

/**
 * Checks that a body is declared as JSON in UTF-8.
 *
 * @throws {ApiError} 415.
 */
export function checkContentType(header: string | undefined): void {
  const [type = '', ...parameters] = (header ?? '').split(';').map((part) => part.trim().toLowerCase())
  if (type !== 'application/json' && !/^application\/[\w.-]+\+json$/.test(type)) {
    throw unsupported('unsupported_media_type', 'The request body must be sent as content-type: application/json.')
  }
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length)
  if (charset !== undefined && !/^"?utf-?8"?$/.test(charset)) {
    throw unsupported('unsupported_charset', 'The request body must be encoded in UTF-8.')
  }
}

/**
 * Checks that a body is sent as it is: a few compressed bytes can stand for gigabytes.
 *
 * @throws {ApiError} 415.
 */
export function checkContentEncoding(header: string | undefined): void {
  if (header === undefined || header.toLowerCase() === 'identity') return
  throw unsupported('unsupported_content_encoding', 'The request body must not be compressed.')
}

function unsupported(code: string, message: string): ApiError {
  return new ApiError({ type: 'invalid_request_error', status: 415, code, message })
}

function checkShape(bytes: Uint8Array, depthMax: number): void {
  let depth = 0
  let values = 0
  let isString = false
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0
    if (isString) {
      if (byte === BACKSLASH) index++
      else if (byte === QUOTE) isString = false
    } else if (byte === QUOTE) isString = true
    else if (byte === BRACKET['{'] || byte === BRACKET['[']) {
      if (++depth > depthMax) {
        throw badRequest('json_too_deep', '', `The request body may be nested ${depthMax} levels deep at most.`)
      }
      values++ // The first in it; each further one comes after a comma.
    } else if (byte === COMMA) values++
    else if (byte === BRACKET['}'] || byte === BRACKET[']']) depth--
  }
  if (values > VALUES_MAX) throw tooLarge()
}

function tooLarge(): ApiError {
  return badRequest('json_too_large', '', `The request body may hold ${VALUES_MAX} values at most.`)
}

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(bytes: Uint8Array): string {
  try {
    return DECODER.decode(bytes)
  } catch (cause) {
    const message = 'The request body is not valid UTF-8.'
    throw new ApiError({ type: 'invalid_request_error', code: 'invalid_utf8', message, cause })
  }
}

/** Where the parser stopped, without the text around it. */
function placeOf(cause: unknown): string {
  const position = cause instanceof Error ? /position (\d+)/.exec(cause.message)?.[1] : undefined
  return position === undefined ? '' : ` (at character ${position})`
}

/** Every string of a value, keys too, without lone surrogates. The depth has been checked. */
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  if (Array.isArray(value)) return value.map(wellFormed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key.toWellFormed(), wellFormed(field)]))
}
