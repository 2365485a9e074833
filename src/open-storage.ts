import { randomBytes } from 'node:crypto'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from './config/schema.ts'
import type { Sealer } from './core/seal.ts'
import type { Clock } from './engine/clock.ts'
import { lateStore } from './store/late-store.ts'
import { openMemoryStore } from './store/memory/memory-store.ts'
import { openSqliteStore } from './store/sqlite/sqlite-store.ts'
import { StoreUnavailable, type Store } from './store/store.ts'
import { errorFacts, type Logger } from './telemetry/log.ts'

/**
 * Opens the storage that a URL names, and its folder.
 *
 * @throws It cannot be opened, or is not there just now.
 */
export async function openStore(url: string, clock: Clock): Promise<Store> {
  if (isPostgres(url)) return openPostgres(url)
  const path = sqlitePath(url)
  if (path === undefined) return openMemoryStore(clock.now)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  if (await isEmptied(path))
    throw new Error('the file is damaged: restore it from a backup, or delete it to begin anew')
  return openSqliteStore(path)
}

/** A storage, and the secret that is kept with it. */
export interface Storage {
  readonly store: Store
  /** Waits for nothing. @returns the secret that seals. @throws {StoreUnavailable} It is not there just now. */
  open(): Promise<Uint8Array>
}

/**
 * Opens the storage of a configuration; one that others share may come later.
 *
 * @throws It cannot be opened, however long one waits.
 */
export async function openStorage(
  config: Config,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<Storage> {
  const { store: url, sealing_key: given } = config
  if (!isPostgres(url)) {
    const store = await openStore(url, clock)
    const secret = await sealingSecret(config).catch(async (error: unknown) => {
      await store.close()
      throw error
    })
    return { store, open: async () => secret }
  }
  const store = lateStore(() => openPostgres(url))
  await store.open().catch((error: unknown) => {
    if (!(error instanceof StoreUnavailable)) throw error
    logger.error(errorFacts(error), 'the storage is not there yet')
  })
  const open = async () => {
    await store.open()
    if (given !== undefined) return Buffer.from(given)
    const { sharedSecret } = await import('./store/postgres/secret.ts')
    return sharedSecret(url, randomBytes(SECRET_BYTES))
  }
  return { store, open }
}

async function openPostgres(url: string): Promise<Store> {
  // Loaded only where it is wanted: nobody else pays for it.
  const { openPostgresStore } = await import('./store/postgres/postgres-store.ts')
  return openPostgresStore(url)
}

function isPostgres(url: string): boolean {
  return /^postgres(?:ql)?:/.test(url)
}

/** A sealer whose secret comes with the storage: nothing is sealed before it is there. */
export function lateSealer(): Sealer & { open(sealer: Sealer): void } {
  let opened: Sealer | undefined
  const there = (): Sealer => {
    if (opened === undefined) throw new StoreUnavailable('The storage has not been reached yet.')
    return opened
  }
  return {
    seal: (...args) => there().seal(...args),
    unseal: (...args) => there().unseal(...args),
    open: (sealer) => void (opened = sealer),
  }
}

/** The file of a SQLite database; undefined for other storages. */
export function sqlitePath(url: string): string | undefined {
  return url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : undefined
}

/** Whether there was a database in a file that is empty now: its secret is still beside it. */
async function isEmptied(path: string): Promise<boolean> {
  const [file, secret] = await Promise.all([path, sealFile(path)].map((name) => stat(name).catch(() => undefined)))
  return file?.size === 0 && secret !== undefined
}

function sealFile(path: string): string {
  return join(dirname(path), 'seal.key')
}

const SECRET_BYTES = 32

/**
 * The secret that seals reasoning state: that of the configuration, else one that is made once and kept beside the
 * database.
 *
 * @throws Its file cannot be read, or is not what was written.
 */
async function sealingSecret({ sealing_key: given, store }: Config): Promise<Uint8Array> {
  if (given !== undefined) return Buffer.from(given)
  const path = sqlitePath(store)
  if (path === undefined) return randomBytes(SECRET_BYTES)
  const file = sealFile(path)
  const fresh = randomBytes(SECRET_BYTES)
  const isNew = await writeFile(file, fresh, { flag: 'wx', mode: 0o600 }).then(
    () => true,
    () => false,
  )
  const secret = isNew ? fresh : await readFile(file)
  if (secret.length === SECRET_BYTES) return secret
  throw new Error(`${file} is damaged: restore it from a backup, or delete it to lose the reasoning that it sealed`)
}
