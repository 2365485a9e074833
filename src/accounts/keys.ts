import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { LRUCache } from 'lru-cache'
import { accountId, type AccountId } from '../protocol/id.ts'
import type { KeyStore, StoredKey } from '../store/store.ts'

/** A key that the operator wrote into the configuration or the environment. */
export interface StaticKey {
  readonly account: AccountId
  readonly key: string
}

/** Tells whose a key is. */
export interface Authenticator {
  /** The account; undefined for a key that is unknown, malformed or revoked. */
  authenticate(key: string): Promise<AccountId | undefined>
}

/** How long a key's answer is remembered: a revoked key works that long at most. */
export const KEY_CACHE_MS = 5000

/** Longest key that is looked at, in characters. */
const KEY_CHARS_MAX = 1024

const KEY_FORM = /^ap_([0-9A-Za-z]{12})_([0-9A-Za-z_-]{43})([0-9a-f]{8})$/

/**
 * Makes a key: `ap_`, 12 characters by which it is found, `_`, a secret of 256 bits, and a CRC-32 of all
 * before it, so that typos and leaks can be told without asking anybody. Only a hash of it is stored.
 */
export function mintKey(account: AccountId, createdAt: number): { key: string; stored: StoredKey } {
  const publicId = randomBytes(6).toString('hex')
  const body = `ap_${publicId}_${randomBytes(32).toString('base64url')}`
  const key = body + checksum(body)
  return { key, stored: { publicId, account, digest: digestOf(key), createdAt, revokedAt: undefined } }
}

/**
 * Makes an authenticator over stored and static keys. Secrets are compared as digests, in constant time.
 */
export function createAuthenticator(store: KeyStore, staticKeys: readonly StaticKey[]): Authenticator {
  const fixed = staticKeys.map(({ account, key }) => ({ account, digest: digestOf(key) }))
  const known = new LRUCache<string, AccountId>({ max: 10_000, ttl: KEY_CACHE_MS })

  const lookUp = async (key: string, digest: string): Promise<AccountId | undefined> => {
    const operator = fixed.reduce<AccountId | undefined>(
      (found, candidate) => (isEqual(candidate.digest, digest) ? candidate.account : found),
      undefined,
    )
    if (operator !== undefined) return operator
    const publicId = publicIdOf(key)
    const stored = publicId === undefined ? undefined : await store.find(publicId)
    const matches = isEqual(stored?.digest ?? digestOf(''), digest)
    return stored !== undefined && matches && stored.revokedAt === undefined ? stored.account : undefined
  }

  return {
    async authenticate(key) {
      if (key === '' || key.length > KEY_CHARS_MAX) return undefined
      const digest = digestOf(key)
      const remembered = known.get(digest)
      if (remembered !== undefined) return remembered
      const account = await lookUp(key, digest)
      if (account !== undefined) known.set(digest, account)
      return account
    },
  }
}

/** The part of a key by which it is found; undefined where the key is not of our form. */
export function publicIdOf(key: string): string | undefined {
  const match = KEY_FORM.exec(key)
  return match !== null && checksum(key.slice(0, -8)) === match[3] ? match[1] : undefined
}

/** The account of a first run. */
export const DEFAULT_ACCOUNT = accountId('default')

function digestOf(text: string): string {
  return hash('sha256', text)
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}

function isEqual(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(one), Buffer.from(other))
}
