import assert from 'node:assert/strict'
import type { OnStore } from './testing/on-store.ts'
import { keyRow } from './testing/rows.ts'

/** What every store must do with keys. */
export function exerciseKeys(onStore: OnStore): void {
  onStore('an unknown key is neither found nor revoked', async ({ keys }) => {
    assert.equal(await keys.find('unknown'), undefined)
    assert.equal(await keys.revoke('unknown'), false)
    assert.deepEqual(await keys.list(), [])
  })

  onStore('a key is found as it was inserted', async ({ keys }) => {
    await keys.insert(keyRow('one', 1_700_000_000))
    assert.deepEqual(await keys.find('one'), keyRow('one', 1_700_000_000))
    assert.equal(await keys.find('ONE'), undefined)
  })

  onStore('a public id can be inserted once', async ({ keys }) => {
    await keys.insert(keyRow('one', 1))
    await assert.rejects(keys.insert({ ...keyRow('one', 2), digest: 'other' }), Error)
    assert.deepEqual(await keys.find('one'), keyRow('one', 1))
  })

  onStore('keys are listed oldest first, those of one second by their public ids', async ({ keys }) => {
    for (const [publicId, createdAt] of [
      ['d', 5],
      ['c', 2],
      ['b', 5],
      ['a', 9],
    ] as const) {
      await keys.insert(keyRow(publicId, createdAt))
    }
    assert.deepEqual(
      (await keys.list()).map(({ publicId }) => publicId),
      ['c', 'b', 'd', 'a'],
    )
  })

  onStore('revoke() works once, and leaves its time behind', async ({ keys }) => {
    await keys.insert(keyRow('one', 1))
    await keys.insert(keyRow('two', 2))
    assert.equal(await keys.revoke('one'), true)
    assert.equal(await keys.revoke('one'), false)
    const revoked = await keys.find('one')
    assert.ok(Number.isSafeInteger(revoked?.revokedAt), 'whole seconds')
    assert.deepEqual({ ...revoked, revokedAt: undefined }, keyRow('one', 1))
    assert.deepEqual(await keys.find('two'), keyRow('two', 2))
    assert.equal((await keys.list()).length, 2)
  })
}
