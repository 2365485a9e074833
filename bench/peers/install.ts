import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Peer } from './peer.ts'

const INSTALLED = new URL('.installed/', import.meta.url).pathname

/** Long enough for a slow line. */
const INSTALL_MS_MAX = 300_000

/** npm writes it when everything is there. */
const COMPLETE = 'node_modules/.package-lock.json'

/**
 * Installs a peer into a folder of its own, outside the project's packages, without running any script of any
 * package. What is there already is kept.
 *
 * @returns the folder.
 * @throws npm fails; the message is what it said.
 */
export function install({ name, versions }: Peer): string {
  const folder = join(INSTALLED, name)
  const manifest = JSON.stringify({ private: true, dependencies: versions, overrides: overridesOf(versions) })
  const file = join(folder, 'package.json')
  if (existsSync(join(folder, COMPLETE)) && readFileSync(file, 'utf8') === manifest) return folder
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, manifest)
  process.stderr.write(`Installing ${name} (once)...\n`)
  const { command, before } = npm()
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status, stderr, error } = spawnSync(command, [...before, 'install', '--prefix', folder, ...options], {
    encoding: 'utf8',
    timeout: INSTALL_MS_MAX,
  })
  if (error !== undefined) throw new Error(`npm could not be run: ${error.message}`, { cause: error })
  if (status !== 0) throw new Error(`npm install failed: ${saidBy(stderr)}`)
  return folder
}

/** Packages that come in through others get the named version too. */
function overridesOf(versions: Peer['versions']): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.keys(versions).map((name) => [name, `$${name}`]))
}

/** The npm that runs this, or the one on the path. */
function npm(): { command: string; before: readonly string[] } {
  const script = process.env['npm_execpath']
  return script !== undefined && /\.c?js$/.test(script)
    ? { command: process.execPath, before: [script] }
    : { command: 'npm', before: [] }
}

/** The first lines of npm's complaint. */
function saidBy(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.startsWith('npm error'))
  return lines
    .slice(0, 2)
    .map((line) => line.replace(/^npm error (?:code )?/, ''))
    .join(': ')
}
