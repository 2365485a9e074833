import type { AccountId } from '../protocol/id.ts'
import type { JsonValue } from '../protocol/json.ts'

/**
 * Locks what a provider wants back into the opaque `encrypted_content`, bound to its origin, and
 * opens it again for that origin alone.
 */
export interface Sealer {
  seal(state: JsonValue, origin: string): string
  /** The state; undefined where it is another origin's, or not ours at all. */
  unseal(sealed: string, origin: string): JsonValue | undefined
}

/** Seals for one account: what it has sealed, no other account opens. */
export function sealerOf(account: AccountId, sealer: Sealer): Sealer {
  const owned = (origin: string) => JSON.stringify([account, origin])
  return {
    seal: (state, origin) => sealer.seal(state, owned(origin)),
    unseal: (sealed, origin) => sealer.unseal(sealed, owned(origin)),
  }
}
