import { DEFAULT_ACCOUNT, mintKey, publicIdOf } from '../accounts/keys.ts'
import { openStore } from '../open-storage.ts'
import { loadConfig, type Environment } from '../config/load.ts'
import { systemClock } from '../engine/clock.ts'
import { accountId } from '../protocol/id.ts'
import type { Store } from '../store/store.ts'
import { fail, say } from './console.ts'
import type { Words } from './words.ts'

/** `antiphon keys create|list|revoke`. */
export async function runKeys({ positionals, overrides, account }: Words, environment: Environment): Promise<number> {
  const [action, argument] = positionals
  const config = await loadConfig(overrides, environment)
  if (account === '') return fail('--account must name an account.')
  if (config.store === 'memory:') return fail('Keys of a memory: store go with its process: use a sqlite: store.')
  const store = await openStore(config.store, systemClock)
  try {
    switch (action) {
      case 'create':
        return say(await createKey(store, account))
      case 'list':
        return say(await listKeys(store))
      case 'revoke':
        return await revokeKey(store, argument)
      default:
        return fail('Say antiphon keys create [--account NAME], antiphon keys list, or antiphon keys revoke ID.')
    }
  } finally {
    await store.close()
  }
}

/** Makes a key and stores what is needed to know it again. @returns the key, which is shown only now. */
export async function createKey(store: Store, account: string | undefined): Promise<string> {
  const owner = account === undefined ? DEFAULT_ACCOUNT : accountId(account)
  const { key, stored } = mintKey(owner, Math.floor(Date.now() / 1000))
  await store.keys.insert(stored)
  return key
}

async function listKeys(store: Store): Promise<string> {
  const keys = await store.keys.list()
  const lines = keys.map(({ publicId, account, createdAt, revokedAt }) => {
    const made = new Date(createdAt * 1000).toISOString()
    return `${publicId}  ${account}  created ${made}${revokedAt === undefined ? '' : '  revoked'}`
  })
  return lines.length === 0 ? 'There are no keys.' : lines.join('\n')
}

async function revokeKey(store: Store, argument: string | undefined): Promise<number> {
  if (argument === undefined) return fail('Say which key: antiphon keys revoke ID (antiphon keys list shows the ids).')
  const publicId = publicIdOf(argument) ?? argument
  if (!(await store.keys.revoke(publicId))) return fail(`There is no active key ${publicId}.`)
  return say(`The key ${publicId} is revoked. Servers that run forget it within 5 seconds.`)
}
