import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { crc32 } from 'node:zlib'
import { accountId } from '../protocol/id.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import type { KeyStore } from '../store/store.ts'
import { createAuthenticator, DEFAULT_ACCOUNT, KEY_CACHE_MS, mintKey, publicIdOf } from './keys.ts'

const ALICE = accountId('alice')
const BOB = accountId('bob')

/** A key store that counts how often it is asked. */
function keyStore(): { keys: KeyStore; asked: () => number } {
  const { keys } = openMemoryStore(() => 1_700_000_000_000)
  let asked = 0
  const find: KeyStore['find'] = (publicId) => {
    asked++
    return keys.find(publicId)
  }
  return { keys: { ...keys, find }, asked: () => asked }
}

/** Time for the cache, which the test moves. */
function fakeTime(t: TestContext): (ms: number) => void {
  let now = 1000
  t.mock.method(performance, 'now', () => now)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  return (ms) => {
    now += ms
    t.mock.timers.tick(ms)
  }
}

/** Changes one character to another that the form allows there. */
function withTypo(key: string, at: number): string {
  return `${key.slice(0, at)}${key[at] === 'a' ? 'b' : 'a'}${key.slice(at + 1)}`
}

test('a key says what it is: its prefix, 12 characters to find it by, 256 bits of secret, a checksum', () => {
  const { key, stored } = mintKey(ALICE, 1_700_000_000)
  assert.match(key, /^ap_[0-9a-f]{12}_[\w-]{43}[0-9a-f]{8}$/)
  assert.equal(crc32(key.slice(0, -8)).toString(16).padStart(8, '0'), key.slice(-8))
  assert.deepEqual(stored, {
    publicId: key.slice(3, 15),
    account: ALICE,
    digest: createHash('sha256').update(key).digest('hex'),
    createdAt: 1_700_000_000,
    revokedAt: undefined,
  })
})

test('no two keys are alike, in no part', () => {
  const keys = Array.from({ length: 1000 }, () => mintKey(ALICE, 0).key)
  assert.equal(new Set(keys.map((key) => key.slice(0, 15))).size, 1000)
  assert.equal(new Set(keys.map((key) => key.slice(16, 59))).size, 1000)
})

test('what is stored of a key does not hold its secret', () => {
  const { key, stored } = mintKey(ALICE, 0)
  assert.ok(!JSON.stringify(stored).includes(key.slice(16, 30)))
})

test('a typo anywhere in a key is told from its checksum, without asking anybody', async () => {
  const { keys, asked } = keyStore()
  const { key, stored } = mintKey(ALICE, 0)
  await keys.insert(stored)
  const authenticator = createAuthenticator(keys, [])
  assert.equal(publicIdOf(key), stored.publicId)
  for (let at = 0; at < key.length; at++) {
    assert.equal(publicIdOf(withTypo(key, at)), undefined, `at ${at}`)
    assert.equal(await authenticator.authenticate(withTypo(key, at)), undefined)
  }
  assert.equal(asked(), 0)
})

const malformed = ['', ' ', 'ap_', 'sk-proj-abc', 'ap_000000000000_', '\u0000', 'é'.repeat(68), 'a'.repeat(1025)]
for (const key of malformed) {
  test(`${JSON.stringify(key.slice(0, 20))} (${key.length}) is nobody's key, and nobody is asked`, async () => {
    const { keys, asked } = keyStore()
    assert.equal(await createAuthenticator(keys, []).authenticate(key), undefined)
    assert.equal(publicIdOf(key), undefined)
    assert.equal(asked(), 0)
  })
}

test('a key is known by the whole of it, not by the part that finds it', async () => {
  const { keys, asked } = keyStore()
  const { key, stored } = mintKey(ALICE, 0)
  const forged = mintKey(BOB, 0)
  await keys.insert({ ...stored, digest: forged.stored.digest })
  const authenticator = createAuthenticator(keys, [])
  assert.equal(await authenticator.authenticate(key), undefined)
  assert.equal(await authenticator.authenticate(mintKey(ALICE, 0).key), undefined, 'an unknown key of the right form')
  assert.equal(asked(), 2)
})

test('stored keys lead to their accounts', async () => {
  const { keys } = keyStore()
  const [alices, bobs] = [mintKey(ALICE, 0), mintKey(BOB, 0)]
  await keys.insert(alices.stored)
  await keys.insert(bobs.stored)
  const authenticator = createAuthenticator(keys, [])
  assert.equal(await authenticator.authenticate(alices.key), ALICE)
  assert.equal(await authenticator.authenticate(bobs.key), BOB)
})

test('a known key is not asked for again within the cache time, an unknown one is every time', async (t) => {
  const pass = fakeTime(t)
  const { keys, asked } = keyStore()
  const { key, stored } = mintKey(ALICE, 0)
  const authenticator = createAuthenticator(keys, [])
  assert.equal(await authenticator.authenticate(key), undefined)
  await keys.insert(stored)
  assert.equal(await authenticator.authenticate(key), ALICE, 'a new key works at once')
  assert.equal(asked(), 2)
  pass(KEY_CACHE_MS)
  assert.equal(await authenticator.authenticate(key), ALICE)
  assert.equal(asked(), 2)
  pass(1)
  assert.equal(await authenticator.authenticate(key), ALICE)
  assert.equal(asked(), 3)
})

test('R-11: a revoked key works for the cache time at most, however busy it is', async (t) => {
  const pass = fakeTime(t)
  const { keys } = keyStore()
  const { key, stored } = mintKey(ALICE, 0)
  await keys.insert(stored)
  const authenticator = createAuthenticator(keys, [])
  assert.equal(await authenticator.authenticate(key), ALICE)
  await keys.revoke(stored.publicId)
  for (let ms = 0; ms < KEY_CACHE_MS; ms += 1000) {
    pass(1000)
    assert.equal(await authenticator.authenticate(key), ALICE, `${ms + 1000} ms later`)
  }
  pass(1)
  assert.equal(await authenticator.authenticate(key), undefined)
})

test('a key that was revoked before it was first used never works', async () => {
  const { keys } = keyStore()
  const { key, stored } = mintKey(ALICE, 0)
  await keys.insert(stored)
  await keys.revoke(stored.publicId)
  assert.equal(await createAuthenticator(keys, []).authenticate(key), undefined)
})

test('keys of the operator need no form and no store', async () => {
  const { keys, asked } = keyStore()
  const authenticator = createAuthenticator(keys, [
    { account: ALICE, key: 'secret of alice' },
    { account: BOB, key: 'secret of bob' },
  ])
  assert.equal(await authenticator.authenticate('secret of alice'), ALICE)
  assert.equal(await authenticator.authenticate('secret of bob'), BOB)
  for (const wrong of ['secret of', 'secret of alice ', 'SECRET OF ALICE', '']) {
    assert.equal(await authenticator.authenticate(wrong), undefined)
  }
  assert.equal(asked(), 0)
})

test('a storage that is down refuses nobody: the fault is told, and not remembered', async () => {
  const { keys } = keyStore()
  const { key, stored } = mintKey(ALICE, 0)
  await keys.insert(stored)
  let isDown = true
  const find: KeyStore['find'] = (id) => (isDown ? Promise.reject(new Error('down')) : keys.find(id))
  const authenticator = createAuthenticator({ ...keys, find }, [])
  await assert.rejects(authenticator.authenticate(key), /down/)
  isDown = false
  assert.equal(await authenticator.authenticate(key), ALICE)
})

test('the account of a first run is called default', () => {
  assert.equal(DEFAULT_ACCOUNT, 'default')
})
