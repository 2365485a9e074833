import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import { startCommand, workingFolder, type Command } from './command.ts'
import { startFaultUpstream, type FaultUpstream } from './fault-upstream.ts'

/** A server that answers. */
export interface Started {
  readonly command: Command
  readonly origin: string
}

/** A folder with a configuration and a model, in which servers are started one after the other. */
export interface Site {
  readonly folder: string
  readonly upstream: FaultUpstream
  /** Starts a server that may never answer. */
  spawn(logLevel: string): Command
  start(): Promise<Started>
}

/**
 * Prepares a folder. All that is started in it is ended with the file's tests.
 *
 * @param key The one key of its servers.
 * @param configure Writes the configuration, line by line.
 */
export async function openSite(key: string, configure: (baseUrl: string) => readonly string[]): Promise<Site> {
  const folder = workingFolder()
  const upstream = await startFaultUpstream()
  const commands: Command[] = []
  after(async () => {
    for (const { process } of commands) process.kill('SIGKILL')
    await Promise.all(commands.map(({ ended }) => ended))
    await upstream.close()
    folder.remove()
  })
  writeFileSync(join(folder.path, 'antiphon.yaml'), configure(upstream.baseUrl).join('\n'))
  const spawn = (logLevel: string) => {
    const environment = { LOG_LEVEL: logLevel, ANTIPHON_API_KEY: key }
    const command = startCommand(folder.path, ['serve', '--config', 'antiphon.yaml', '--port', '0'], environment)
    commands.push(command)
    return command
  }
  return {
    folder: folder.path,
    upstream,
    spawn,
    async start() {
      const command = spawn('silent')
      return { command, origin: /listens on (http:\S+)\/v1 /.exec(await command.says(/^curl .*$/m))?.[1] ?? '' }
    },
  }
}
