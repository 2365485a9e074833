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
