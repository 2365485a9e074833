import assert from 'node:assert/strict'
import { test } from 'node:test'
import { REQUIREMENTS, type RequirementId } from './requirements.ts'

/** A test that proves one sentence of the API document, or several that say the same. */
export function proves(
  ids: RequirementId | readonly RequirementId[],
  prove: () => Promise<void> | void,
  options: { readonly skip?: string | false } = {},
): void {
  const all = typeof ids === 'string' ? [ids] : ids
  test(`[${all.join(', ')}] ${all.map((id) => REQUIREMENTS[id]).join(' ')}`, options, prove)
}

/**
 * A sentence that does not hold yet: passes while its proof fails, and fails as soon as it holds, so
 * that the gap is closed in the list too.
 */
export function knownGap(id: RequirementId, reason: string, prove: () => Promise<void> | void): void {
  test(`[${id}] known gap: ${reason}`, () => stillFails(id, prove))
}

/** @throws The proof holds. */
export async function stillFails(id: RequirementId, prove: () => Promise<void> | void): Promise<void> {
  await assert.rejects(async () => prove(), `${id} holds now: make it proves().`)
}
