import assert from 'node:assert/strict'
import type { NewBinding } from './store.ts'
import type { OnStore } from './testing/on-store.ts'
import { ALICE, backgroundRow, BOB, end, endingOf, foregroundRow, idOf, remove } from './testing/rows.ts'

/** What every store must do with requests that come again. */
export function exerciseBindings(onStore: OnStore): void {
  onStore('a key that was bound stands for its response, in its account', async (store) => {
    const responses = store.forAccount(ALICE)
    assert.equal(await responses.findBinding('key'), undefined)
    assert.equal(await responses.insert(foregroundRow(1, { binding: binding() }), 'boot'), undefined)
    const bound = { bodyHash: 'hash', responseId: idOf(1), refusal: undefined }
    assert.deepEqual(await responses.findBinding('key'), bound)
    assert.equal(await store.forAccount(BOB).findBinding('key'), undefined)
    assert.equal(await store.forAccount(BOB).insert(foregroundRow(2, { binding: binding() }), 'boot'), undefined)
    assert.deepEqual(await responses.findBinding('key'), bound)
  })

  onStore('of many insertions under one key exactly one is written, and the others learn of it', async (store) => {
    const responses = store.forAccount(ALICE)
    const numbers = Array.from({ length: 20 }, (_, number) => number)
    const rows = numbers.map((number) => backgroundRow(number, { binding: binding({ bodyHash: `hash ${number}` }) }))
    const bound = await Promise.all(rows.map((row) => responses.insert(row, 'boot')))
    const won = numbers.filter((number) => bound[number] === undefined)
    assert.equal(won.length, 1)
    for (const number of numbers) {
      const isThere = (await responses.find(idOf(number))) !== undefined
      assert.equal(isThere, won.includes(number))
      const known = { bodyHash: `hash ${won[0]}`, responseId: idOf(won[0] ?? -1), refusal: undefined }
      if (!isThere) assert.deepEqual(bound[number], known)
    }
    assert.equal(await store.jobs.countQueued(), 1)
  })

  onStore('a fresh binding takes the place of an earlier one', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1, { binding: binding() }), 'boot')
    assert.equal(await responses.insert(foregroundRow(2, { binding: binding({ isFresh: true }) }), 'boot'), undefined)
    assert.equal((await responses.findBinding('key'))?.responseId, idOf(2))
    await end(responses, idOf(1), { ending: { ...endingOf(1), rebinding: { key: 'key', refusal: undefined } } })
    assert.equal((await responses.findBinding('key'))?.responseId, idOf(2), 'the end of the first is none of its own')
  })

  onStore('a binding that has expired is as good as none', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1, { binding: binding({ expiresAt: 1_600_000_000 }) }), 'boot')
    assert.equal(await responses.findBinding('key'), undefined)
    assert.equal(await responses.insert(foregroundRow(2, { binding: binding() }), 'boot'), undefined)
    assert.equal((await responses.findBinding('key'))?.responseId, idOf(2))
  })

  onStore('a binding to a deleted response is as good as none', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1, { binding: binding() }), 'boot')
    await remove(responses, idOf(1))
    assert.equal(await responses.findBinding('key'), undefined)
    assert.equal(await responses.insert(foregroundRow(2, { binding: binding() }), 'boot'), undefined)
  })

  onStore('the end of a response may release its key, or keep the error that was answered', async (store) => {
    const responses = store.forAccount(ALICE)
    for (const number of [1, 2, 3]) {
      await responses.insert(foregroundRow(number, { binding: binding({ key: `key ${number}` }) }), 'boot')
    }
    const ending = (number: number, refusal: string | undefined) => ({
      ...endingOf(number),
      rebinding: { key: `key ${number}`, refusal },
    })
    await end(responses, idOf(1), { status: 'failed', ending: ending(1, undefined) })
    await end(responses, idOf(2), { status: 'failed', ending: ending(2, '{"status":400}') })
    await end(responses, idOf(3), { ending: endingOf(3) })
    assert.equal(await responses.findBinding('key 1'), undefined)
    assert.equal((await responses.findBinding('key 2'))?.refusal, '{"status":400}')
    assert.deepEqual(await responses.findBinding('key 3'), {
      bodyHash: 'hash',
      responseId: idOf(3),
      refusal: undefined,
    })
  })

  onStore('an ending that goes with its insertion binds and rebinds too', async (store) => {
    const responses = store.forAccount(ALICE)
    const inserted = responses.insert(foregroundRow(1, { binding: binding({ isFresh: true }) }), 'boot', 'soon')
    const ended = end(responses, idOf(1), { ending: { ...endingOf(1), rebinding: { key: 'key', refusal: '"no"' } } })
    await Promise.all([inserted, ended])
    assert.equal((await responses.findBinding('key'))?.refusal, '"no"')
  })
}

function binding(changes: Partial<NewBinding> = {}): NewBinding {
  return { key: 'key', bodyHash: 'hash', expiresAt: 4_000_000_000, isFresh: false, ...changes }
}
