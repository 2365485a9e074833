import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** How a process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A process of ours. */
export interface Command {
  readonly process: ChildProcess
  /** Resolves with everything said so far, once standard output fits a pattern. */
  says(pattern: RegExp): Promise<string>
  readonly ended: Promise<Exit>
}

/** Makes an empty folder to run in; `remove` it at the end. */
export function workingFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'antiphon-command-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Starts the command line in a folder, with nothing in its environment but what is given. */
export function startCommand(
  folder: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Command {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  let arrival = Promise.withResolvers<void>()
  const wake = () => {
    arrival.resolve()
    arrival = Promise.withResolvers()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    wake()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  void ended.then(wake)
  return {
    process: child,
    ended,
    async says(pattern) {
      while (!pattern.test(stdout)) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`It ended: ${stdout}${stderr}`)
        await arrival.promise
      }
      return stdout
    },
  }
}
