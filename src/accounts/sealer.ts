import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { Sealer } from '../core/seal.ts'
import { parseJson, type JsonValue } from '../protocol/json.ts'

const PREFIX = 'ap1.'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Seals with AES-256-GCM under a key derived for this purpose alone; the origin is authenticated with it.
 *
 * @param secret At least 32 random bytes, kept with the data.
 */
export function createSealer(secret: Uint8Array): Sealer {
  const key = new Uint8Array(hkdfSync('sha256', secret, '', 'antiphon reasoning state', 32))
  return {
    seal(state, origin) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(origin))
      const body = Buffer.concat([cipher.update(JSON.stringify(state)), cipher.final()])
      return PREFIX + Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')
    },
    unseal(sealed, origin) {
      if (!sealed.startsWith(PREFIX)) return undefined
      const bytes = Buffer.from(sealed.slice(PREFIX.length), 'base64url')
      if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES))
        .setAAD(Buffer.from(origin))
        .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
      return open(decipher, bytes.subarray(NONCE_BYTES + TAG_BYTES))
    },
  }
}

/** A wrong key or origin is not an error here: the state is somebody else's. */
function open(decipher: ReturnType<typeof createDecipheriv>, body: Uint8Array): JsonValue | undefined {
  try {
    const text = Buffer.concat([decipher.update(body), decipher.final()]).toString()
    return parseJson(text) as JsonValue // It was sealed as JSON.
  } catch {
    return undefined
  }
}
