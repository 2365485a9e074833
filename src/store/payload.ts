import { crc32 } from 'node:zlib'
import { StoreDamaged } from './store.ts'

const CHECKSUM_BYTES = 4

/** Text as it is stored: a CRC-32 of the bytes, big-endian, then the bytes. */
export function encodePayload(text: string): Uint8Array {
  const bytes = Buffer.allocUnsafe(CHECKSUM_BYTES + Buffer.byteLength(text))
  bytes.write(text, CHECKSUM_BYTES)
  bytes.writeUInt32BE(crc32(bytes.subarray(CHECKSUM_BYTES)), 0)
  return bytes
}

/** @throws {StoreDamaged} The bytes are not those that were written. */
export function decodePayload(payload: Uint8Array): string {
  const bytes = asBuffer(payload)
  verify(bytes, 0, bytes.length)
  return bytes.toString('utf8', CHECKSUM_BYTES)
}

/**
 * Makes one JSON list of payloads that hold JSON: it is decoded, handed over and parsed at once.
 *
 * @param payloads All of them, one behind the other. They are overwritten: commas take the place of the checksums.
 * @param sizes The bytes of each.
 * @throws {StoreDamaged} The bytes of one are not those that were written.
 */
export function joinPayloads(payloads: Uint8Array, sizes: readonly number[]): string {
  const bytes = asBuffer(payloads)
  let start = 0
  for (const size of sizes) {
    verify(bytes, start, start + size)
    bytes.write(start === 0 ? '   [' : '   ,', start)
    start += size
  }
  return `${bytes.toString()}]`
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

function verify(bytes: Buffer, start: number, end: number): void {
  const isCut = end - start < CHECKSUM_BYTES
  if (isCut || crc32(bytes.subarray(start + CHECKSUM_BYTES, end)) !== bytes.readUInt32BE(start)) {
    throw new StoreDamaged('A stored payload differs from its checksum.')
  }
}
