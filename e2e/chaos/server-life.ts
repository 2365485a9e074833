import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The key that every server of the crash runner accepts. */
export const CHAOS_KEY = 'chaos-key-of-the-default-account'

/** Where servers live, one after the other. */
export interface Place {
  /** The file that Node runs. */
  readonly main: string
  readonly folder: string
}

/** What a server of the crash runner is set up with. */
export interface Setup {
  readonly main: string
  /** Made where it is not there. */
  readonly folder: string
  /** Of the provider, with `/v1`. */
  readonly baseUrl: string
  /** URL of the storage. */
  readonly store: string
  /** What servers at this place are known by, one after the other. */
  readonly instance: string
  readonly background: Readonly<Record<string, number>>
  /** Those of the defaults where absent. */
  readonly retention?: Readonly<Record<string, number>>
  readonly timeouts?: Readonly<Record<string, number>>
}

/** Writes the configuration of a place: one provider, which is the fault upstream. */
export function preparePlace({ main, folder, baseUrl, store, instance, background, ...more }: Setup): Place {
  mkdirSync(folder, { recursive: true })
  const config = {
    server: { instance },
    store,
    // Beside a database on this machine there is a key already.
    ...(!store.startsWith('sqlite:') && { sealing_key: 'seals-what-is-sealed-in-tests-of-crashes' }),
    providers: { fault: { kind: 'openai-chat', base_url: baseUrl, api_key: 'none' } },
    background: { streaming: true, ...background },
    ...more,
  }
  writeFileSync(join(folder, 'antiphon.yaml'), JSON.stringify(config)) // JSON is YAML.
  return { main, folder }
}

/** One process, from its start to its end. */
export interface ServerLife {
  readonly pid: number
  /** Resolves with its address when it listens; undefined where it has ended before. */
  readonly listening: Promise<string | undefined>
  /** Resolves when it is gone, with what it was ended by. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  isOver(): boolean
  /** Whether it has ended by itself, before it was killed. */
  hasCrashed(): boolean
  /** The last that it has said, for a report. */
  said(): string
  send(signal: NodeJS.Signals): void
  /** Ends it as a power cut of its process would. Resolves when it is gone. */
  kill(): Promise<void>
}

const SAID_CHARS_MAX = 20_000

/** Starts a server. @param crashAt Where it is to end by itself, such as `job:claimed:1`. */
export function spawnServer({ main, folder }: Place, crashAt?: string): ServerLife {
  const child = spawn(process.execPath, [main, 'serve', '--config', 'antiphon.yaml', '--port', '0'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      LOG_LEVEL: 'warn',
      ANTIPHON_API_KEY: CHAOS_KEY,
      ...(crashAt !== undefined && { ANTIPHON_TEST_MODE: '1', CRASH_AT: crashAt }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const address = Promise.withResolvers<string | undefined>()
  const hear = (text: string) => {
    said = (said + text).slice(-SAID_CHARS_MAX)
    const found = /listens on (http:\S+)\/v1 /.exec(said)?.[1]
    if (found !== undefined) address.resolve(found)
  }
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear)
  let [isOver, isKilled, hasCrashed] = [false, false, false]
  const ended = once(child, 'exit').then(([code, signal]) => {
    isOver = true
    hasCrashed = !isKilled
    address.resolve(undefined)
    return { code: code as number | null, signal: signal as NodeJS.Signals | null } // As Node has them.
  })
  return {
    pid: child.pid ?? 0,
    listening: address.promise,
    ended,
    isOver: () => isOver,
    hasCrashed: () => hasCrashed,
    said: () => said,
    send: (signal) => void child.kill(signal),
    async kill() {
      isKilled = true
      child.kill('SIGKILL')
      await ended
    },
  }
}
