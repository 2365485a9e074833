import { crc32 } from 'node:zlib'
import { StoreDamaged } from '../store.ts'

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
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  const body = bytes.subarray(CHECKSUM_BYTES)
  if (bytes.length < CHECKSUM_BYTES || crc32(body) !== bytes.readUInt32BE(0)) {
    throw new StoreDamaged('A stored payload differs from its checksum.')
  }
  return body.toString()
}
