/** The type `bytea`, as PostgreSQL numbers it. */
const BYTEA = 17

const INTEGER_BYTES = 4

/** Dimensions, whether there are nulls, type of the elements; then, for the one dimension, its length and first index. */
const HEADER_INTEGERS = 5

/**
 * A parameter of type `bytea[]`, as bytes: as text, each byte of it would be two characters, made and read again.
 *
 * @see https://github.com/postgres/postgres/blob/REL_18_0/src/backend/utils/adt/arrayfuncs.c (`array_recv`; read 2026-11-22)
 */
export function binaryArray(elements: readonly (Uint8Array | null)[]): Buffer {
  const size = elements.reduce((sum, element) => sum + INTEGER_BYTES + (element?.length ?? 0), 0)
  const bytes = Buffer.allocUnsafe(HEADER_INTEGERS * INTEGER_BYTES + size)
  const hasNulls = Number(elements.includes(null))
  let at = 0
  for (const value of [1, hasNulls, BYTEA, elements.length, 1]) at = bytes.writeInt32BE(value, at)
  for (const element of elements) {
    at = bytes.writeInt32BE(element?.length ?? -1, at)
    if (element === null) continue
    bytes.set(element, at)
    at += element.length
  }
  return bytes
}
