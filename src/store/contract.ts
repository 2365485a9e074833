import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exerciseJobs } from './contract-jobs.ts'
import { exerciseKeys } from './contract-keys.ts'
import { exerciseThreads } from './contract-threads.ts'
import { accepted } from '../core/lifecycle.ts'
import type { Store } from './store.ts'
import type { OnStore } from './testing/on-store.ts'
import { exerciseBindings } from './contract-bindings.ts'
import { exerciseEvents } from './contract-events.ts'
import { exerciseUpkeep } from './contract-upkeep.ts'
import { ALICE, backgroundRow, BOB, change, end, ENDED, endingOf, foregroundRow, idOf, remove } from './testing/rows.ts'

/**
 * The suite that every store must pass: what it does is the same to the letter, wherever it keeps it.
 *
 * @param open Opens an empty store; the suite closes it.
 */
export function exerciseStore(name: string, open: () => Promise<Store>): void {
  const onStore: OnStore = (sentence, check) => {
    test(`${name}: ${sentence}`, async () => {
      const store = await open()
      try {
        await check(store)
      } finally {
        await store.close()
      }
    })
  }
  exerciseRows(onStore)
  exercisePayloads(onStore)
  exerciseEndings(onStore)
  exerciseIsolation(onStore)
  exerciseThreads(onStore)
  exerciseJobs(onStore)
  exerciseKeys(onStore)
  exerciseBindings(onStore)
  exerciseEvents(onStore)
  exerciseUpkeep(onStore)
}

function exerciseRows(onStore: OnStore): void {
  onStore('an id that was never inserted is unknown to every read', async (store) => {
    const responses = store.forAccount(ALICE)
    assert.equal(await responses.find(idOf(1)), undefined)
    assert.equal(await responses.findLifecycle(idOf(1)), undefined)
    assert.equal(await responses.findInput(idOf(1)), undefined)
    assert.equal(await responses.findLog(idOf(1)), undefined)
    assert.equal(await responses.findItemOwner('item'), undefined)
    assert.equal(await responses.thread(idOf(1), 10), undefined)
  })

  onStore('an id can be inserted once; the first row stays as it was', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    await assert.rejects(responses.insert(foregroundRow(1, { response: '"other"' }), 'boot'), Error)
    await assert.rejects(store.forAccount(BOB).insert(foregroundRow(1), 'boot'), Error)
    assert.equal((await responses.find(idOf(1)))?.response, '{"first":1}')
    assert.equal(await store.forAccount(BOB).find(idOf(1)), undefined)
  })

  onStore('find() tells exactly what was accepted', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    await responses.insert(backgroundRow(2), 'boot')
    const found = await responses.find(idOf(1))
    assert.deepEqual(
      [found?.lifecycle, found?.response, found?.output],
      [accepted(false, 'boot'), '{"first":1}', undefined],
    )
    assert.deepEqual((await responses.find(idOf(2)))?.lifecycle, accepted(true, 'boot'))
    assert.equal(await responses.findInput(idOf(1)), '["input 1"]')
    assert.equal(await responses.findLog(idOf(1)), undefined, 'there is no log before the end')
  })

  onStore('findItemOwner() finds the latest response with an item, and no item of ours', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1, { clientItemIds: ['mine', 'old'] }), 'boot')
    await responses.insert(foregroundRow(2, { clientItemIds: ['mine'] }), 'boot')
    assert.equal(await responses.findItemOwner('mine'), idOf(2))
    assert.equal(await responses.findItemOwner('old'), idOf(1))
    assert.equal(await responses.findItemOwner('unknown'), undefined)
  })

  onStore('an insertion that may wait comes by itself, and before whatever is asked for after it', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot', 'soon')
    assert.equal((await responses.find(idOf(1)))?.lifecycle.status, 'in_progress')
    const waiting = responses.insert(foregroundRow(2, { previousId: idOf(1) }), 'boot', 'soon')
    assert.equal((await responses.find(idOf(2)))?.response, '{"first":2}')
    await waiting
  })

  onStore('ping() resolves while the store is open', async (store) => {
    assert.equal(await store.ping(), undefined)
  })
}

const PAYLOADS = [
  { what: 'an empty text', text: '' },
  { what: 'NUL characters', text: 'before\u0000after\u0000' },
  { what: 'emoji and combining marks', text: '👩‍👩‍👧 e\u0301 🇦🇶 𝒳' },
  { what: 'line separators and a BOM', text: '\ufeff\u2028\u2029\r\n' },
  { what: 'a megabyte', text: 'Größe ✓ '.repeat(131_072) },
] as const

function exercisePayloads(onStore: OnStore): void {
  for (const { what, text } of PAYLOADS) {
    onStore(`${what} come back letter for letter`, async (store) => {
      const responses = store.forAccount(ALICE)
      await responses.insert(backgroundRow(1, { input: text, response: text, request: text }), 'boot')
      assert.equal((await responses.find(idOf(1)))?.response, text)
      assert.equal(await responses.findInput(idOf(1)), text)
      const [job] = await store.jobs.claim({ owner: 'boot', lease_ms: 60_000, limit: 1 })
      assert.deepEqual(job?.work, { request: text, input: text })
      assert.equal(job?.response, text)
      const ending = { response: text, output: text, log: text, calls: text }
      assert.equal(await end(responses, idOf(1), { attempt: 1, ending }), true)
      assert.equal(await responses.findLog(idOf(1)), text)
      assert.equal((await responses.find(idOf(1)))?.output, text)
      const { said = '' } = (await responses.thread(idOf(1), 1)) ?? {}
      assert.ok(said.trimStart().startsWith(`[${text}`) && said.endsWith(`,${text}]`), said.slice(0, 100))
    })
  }
}

function exerciseEndings(onStore: OnStore): void {
  onStore('swap() writes what a transition has made of a row, and all of it', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(backgroundRow(1), 'boot')
    const [job] = await store.jobs.claim({ owner: 'boot', lease_ms: 60_000, limit: 1 })
    assert.equal(await change(responses, idOf(1), { type: 'release', attempt: 1 }), true)
    const released = { ...accepted(true, ''), status: 'in_progress' as const, version: 2, attempt: 1 }
    assert.deepEqual((await responses.find(idOf(1)))?.lifecycle, released)
    assert.equal(await end(responses, idOf(1), { attempt: 1, status: 'incomplete', ending: endingOf(1) }), true)
    const ended = { ...released, status: 'incomplete', version: 3 }
    assert.deepEqual((await responses.find(idOf(1)))?.lifecycle, ended)
    assert.equal(
      await responses.swap(idOf(1), { version: job?.lifecycle.version ?? 0, next: ENDED, ending: endingOf(2) }),
      false,
    )
    assert.deepEqual((await responses.find(idOf(1)))?.lifecycle, ended)
  })

  onStore('swap() from another version changes nothing', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    for (const version of [-1, 1, 2]) {
      assert.equal(
        await responses.swap(idOf(1), { version, next: { ...ENDED, version: version + 1 }, ending: endingOf(1) }),
        false,
      )
    }
    assert.deepEqual((await responses.find(idOf(1)))?.lifecycle, accepted(false, 'boot'))
    assert.equal(await responses.findLog(idOf(1)), undefined)
  })

  onStore('swap() of an unknown response says so', async (store) => {
    assert.equal(await store.forAccount(ALICE).swap(idOf(1), { version: 0, next: ENDED, ending: endingOf(1) }), false)
  })

  onStore(
    'swap() ends a response whose insertion still waits: both are done, and only one call has ended it',
    async (store) => {
      const responses = store.forAccount(ALICE)
      await store.jobs.register({ owner: 'next', instance: 'next', lease_ms: 60_000 })
      const inserted = responses.insert(foregroundRow(1, { clientItemIds: ['mine'] }), 'boot', 'soon')
      const endings = [1, 2, 3].map((number) =>
        responses.swap(idOf(1), { version: 0, next: ENDED, ending: endingOf(number) }),
      )
      const stranger = store.forAccount(BOB).swap(idOf(1), { version: 0, next: ENDED, ending: endingOf(4) })
      await inserted
      assert.deepEqual(await Promise.all([...endings, stranger]), [true, false, false, false])
      const found = await responses.find(idOf(1))
      assert.deepEqual([found?.lifecycle, found?.response], [ENDED, '{"final":1}'])
      assert.equal(await responses.findLog(idOf(1)), '["log 1"]')
      assert.equal(await responses.findInput(idOf(1)), '["input 1"]')
      assert.equal(await responses.findItemOwner('mine'), idOf(1))
      assert.deepEqual(await store.jobs.orphans(10), [], 'nothing is left to be ended')
    },
  )

  onStore(
    'what is asked of a response before its end comes before it, also while its insertion waits',
    async (store) => {
      const responses = store.forAccount(ALICE)
      const inserted = responses.insert(foregroundRow(1), 'boot', 'soon')
      const removed = responses.swap(idOf(1), {
        version: 0,
        next: { ...accepted(false, 'boot'), version: 1, isDeleted: true },
      })
      const ended = responses.swap(idOf(1), { version: 0, next: ENDED, ending: endingOf(1) })
      await inserted
      assert.deepEqual([await removed, await ended], [true, false])
    },
  )

  onStore('of many swap() calls at once exactly one is written', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    const calls = Array.from({ length: 20 }, (_, number) =>
      responses.swap(idOf(1), { version: 0, next: ENDED, ending: endingOf(number) }),
    )
    const won = (await Promise.all(calls)).flatMap((didEnd, number) => (didEnd ? [number] : []))
    assert.equal(won.length, 1)
    assert.equal((await responses.find(idOf(1)))?.response, `{"final":${won[0]}}`)
  })

  onStore('swap() closes a job that nobody has claimed yet, and nobody claims it then', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(backgroundRow(1), 'boot')
    assert.equal(await change(responses, idOf(1), { type: 'close', status: 'cancelled' }, endingOf(1)), true)
    assert.deepEqual(await store.jobs.claim({ owner: 'boot', lease_ms: 60_000, limit: 1 }), [])
    assert.equal(await store.jobs.countQueued(), 0)
  })

  onStore('a removal hides a response from every read, once', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    await end(responses, idOf(1), { ending: endingOf(1) })
    assert.equal(await remove(responses, idOf(1)), true)
    assert.equal(await remove(responses, idOf(1)), false)
    assert.equal(await responses.find(idOf(1)), undefined)
    assert.equal(await responses.findInput(idOf(1)), undefined)
    assert.equal(await responses.findLog(idOf(1)), undefined)
    assert.equal(await responses.thread(idOf(1), 10), undefined)
  })

  onStore('nothing follows a removal; a deleted id is never used again', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    await remove(responses, idOf(1))
    assert.equal(await end(responses, idOf(1), { ending: endingOf(1) }), false)
    await assert.rejects(responses.insert(foregroundRow(1), 'boot'), Error)
  })
}

function exerciseIsolation(onStore: OnStore): void {
  onStore("another account's response looks unknown to every method, and stays as it was", async (store) => {
    const [alice, bob] = [store.forAccount(ALICE), store.forAccount(BOB)]
    await alice.insert(foregroundRow(1, { clientItemIds: ['item'] }), 'boot')
    assert.equal(await bob.find(idOf(1)), undefined)
    assert.equal(await bob.findLifecycle(idOf(1)), undefined)
    assert.equal(await bob.findInput(idOf(1)), undefined)
    assert.equal(await bob.findItemOwner('item'), undefined)
    assert.equal(await bob.thread(idOf(1), 10), undefined)
    assert.equal(await end(bob, idOf(1), { ending: endingOf(1) }), false)
    assert.equal(await remove(bob, idOf(1)), false)
    assert.equal((await alice.find(idOf(1)))?.lifecycle.status, 'in_progress')
    assert.equal(await end(alice, idOf(1), { ending: endingOf(1) }), true)
    assert.equal(await bob.findLog(idOf(1)), undefined)
  })

  onStore('two accounts may use one item id for items of their own', async (store) => {
    const [alice, bob] = [store.forAccount(ALICE), store.forAccount(BOB)]
    await alice.insert(foregroundRow(1, { clientItemIds: ['item'] }), 'boot')
    await bob.insert(foregroundRow(2, { clientItemIds: ['item'] }), 'boot')
    assert.equal(await alice.findItemOwner('item'), idOf(1))
    assert.equal(await bob.findItemOwner('item'), idOf(2))
  })

  onStore('a thread ends where it leaves the account', async (store) => {
    await store.forAccount(ALICE).insert(foregroundRow(1), 'boot')
    const bob = store.forAccount(BOB)
    await bob.insert(foregroundRow(2, { previousId: idOf(1) }), 'boot')
    assert.deepEqual(JSON.parse((await bob.thread(idOf(2), 10))?.said ?? ''), [{ first: 2 }, ['input 2']])
  })
}
