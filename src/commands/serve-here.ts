import { setFlagsFromString } from 'node:v8'
import { compose, staticKeys, type Server } from '../compose.ts'
import type { Environment } from '../config/load.ts'
import { FIRST_SLOT } from '../config/instance.ts'
import type { Config } from '../config/schema.ts'
import { systemClock } from '../engine/clock.ts'
import type { Logger } from '../telemetry/log.ts'
import { checkpointOf } from './crash-at.ts'
import { isInTime } from './deadline.ts'
import { greeting } from './greeting.ts'
import { createKey } from './keys.ts'
import type { StopWishes } from './stop-wishes.ts'

/** What a server in this process is given. */
export interface ServeParts {
  readonly config: Config
  readonly environment: Environment
  readonly logger: Logger
  readonly wishes: StopWishes
  /** Its number among the processes behind the port. */
  readonly slot?: number
  /** Hears the greeting, once the server answers. */
  readonly onReady: (greeting: string) => void
  readonly onStopping: () => void
}

/**
 * V8 puts what a line of code makes among the old objects at once, where enough of what it made before has lived for
 * a while. There it keeps alive all that it points to, so that other lines look just as lasting: of each request 10 kB
 * waited for a full collection. Nothing that a request makes is to last.
 */
const COLLECTION = '--no-allocation-site-pretenuring'

/**
 * Serves in this process until it is told to stop.
 *
 * @returns the exit code: 0 where everything was brought to its end.
 * @throws It cannot start.
 */
export async function serveHere(parts: ServeParts): Promise<number> {
  const { config, environment, logger, wishes, slot = FIRST_SLOT } = parts
  setFlagsFromString(COLLECTION)
  const surroundings = { environment, logger, slot, checkpoint: checkpointOf(environment) }
  const server = await compose(config, surroundings).catch((error: unknown) => explainStore(config, error))
  const address = await Promise.race([start(server, config), wishes.first.then(() => undefined)])
  // A storage may be waited for: whoever is told to stop meanwhile has taken nothing that could be lost.
  if (address === undefined) return stop(server, parts, 0)
  parts.onReady(greeting(config, address, await firstKey(server, config, environment)))
  // Who presses a key waits for it; nobody sends requests by a probe there.
  const lameDuck_ms = (await wishes.first) === 'SIGINT' ? 0 : config.timeouts.lame_duck_ms
  return stop(server, parts, lameDuck_ms)
}

async function start(server: Server, config: Config): Promise<string> {
  try {
    return await server.start()
  } catch (error) {
    await server.stop()
    throw explainListen(config, error)
  }
}

/** @returns the exit code. */
async function stop(server: Server, parts: ServeParts, lameDuck_ms: number): Promise<number> {
  const { config, logger, wishes, onStopping } = parts
  onStopping()
  const { hurry } = wishes
  const given_ms = lameDuck_ms + config.timeouts.drain_ms
  const isWhole = await isInTime(server.stop({ lameDuck_ms, hurry }), { given_ms, hurry, clock: systemClock })
  if (!isWhole) logger.error({ given_ms }, 'the server did not stop in time: something was not brought to its end')
  const code = isWhole ? 0 : 1
  // Whatever is still open then, nobody waits for it.
  setTimeout(() => process.exit(code), isWhole ? LINGER_MS : 0).unref()
  return code
}

const LINGER_MS = 300

/** A key for those who have none: made on the first run, unless the operator has brought one. */
async function firstKey({ store }: Server, config: Config, environment: Environment): Promise<string | undefined> {
  const isProvided = staticKeys(config, environment).length > 0 || config.server.role === 'worker'
  if (isProvided || (await store.keys.list()).length > 0) return undefined
  return createKey(store, undefined)
}

function explainStore(config: Config, error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error)
  throw new Error(
    `The storage ${withoutPassword(config.store)} cannot be opened: ${reason}\nGive another one with --store sqlite:/a/folder/you/can/write/antiphon.db`,
  )
}

/** A storage's URL as it may be shown. */
function withoutPassword(url: string): string {
  return url.replace(/(?<=:\/\/[^:@/]*:).*(?=@)/, '***')
}

function explainListen(config: Config, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const { host, port } = config.server
  if (code === 'EADDRINUSE')
    return new Error(`Port ${port} on ${host} is taken. Choose another with --port N, or PORT=N in the environment.`)
  if (code === 'EACCES')
    return new Error(`Port ${port} on ${host} may not be used by this user. Choose one above 1023 with --port N.`)
  return error instanceof Error ? error : new Error(String(error))
}
