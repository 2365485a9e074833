import type { IncomingHttpHeaders } from 'node:http'
import type { PageQuery } from '../engine/input-items.ts'
import { badRequest } from '../protocol/error.ts'

type Query = Readonly<Record<string, unknown>>

const PAGE_SIZE_DEFAULT = 20
const PAGE_SIZE_MAX = 100

/** A parameter that may be given once. @throws {ApiError} 400 where it is given twice. */
function readOne(query: Query, name: string): string | undefined {
  const value = query[name]
  if (value === undefined || typeof value === 'string') return value
  throw badRequest('invalid_value', name, `${name} may be given once.`)
}

/** `true` or `false`; absent is false. @throws {ApiError} 400. */
export function readFlag(query: Query, name: string): boolean {
  const value = readOne(query, name) ?? 'false'
  if (value === 'true' || value === 'false') return value === 'true'
  throw badRequest('invalid_value', name, `${name} must be true or false.`)
}

/** A whole number from 0. @throws {ApiError} 400. */
export function readCount(query: Query, name: string): number | undefined {
  const value = readOne(query, name)
  return value === undefined ? undefined : countIn(value, name)
}

/** The number of the last event that a client has seen, where it says so by itself. @throws {ApiError} 400. */
export function readLastEventId(headers: IncomingHttpHeaders): number | undefined {
  const value = headers['last-event-id']
  return typeof value === 'string' && value !== '' ? countIn(value, 'Last-Event-ID') : undefined
}

function countIn(value: string, name: string): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (Number.isSafeInteger(number)) return number
  throw badRequest('invalid_value', name, `${name} must be an integer of at least 0.`)
}

/** How a list is to be cut. @throws {ApiError} 400. */
export function readPage(query: Query): PageQuery {
  const limit = readCount(query, 'limit') ?? PAGE_SIZE_DEFAULT
  if (limit < 1 || limit > PAGE_SIZE_MAX) {
    throw badRequest('invalid_value', 'limit', `limit must be from 1 to ${PAGE_SIZE_MAX}.`)
  }
  const order = readOne(query, 'order') ?? 'desc'
  if (order !== 'asc' && order !== 'desc') throw badRequest('invalid_value', 'order', 'order must be asc or desc.')
  return { limit, order, after: readOne(query, 'after') }
}
