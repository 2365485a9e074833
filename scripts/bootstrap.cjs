// Brings node_modules to what package-lock.json says, with whatever Node and npm are there.
// Plain CommonJS on purpose: it runs before the project's own Node is installed.
'use strict'

const { spawnSync } = require('node:child_process')
const { existsSync, readFileSync } = require('node:fs')
const { join } = require('node:path')

const root = join(__dirname, '..')

/** Whether every package of the lock that this machine needs is installed in the lock's version. */
function isInstalled() {
  const installed = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(installed)) return false
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const found = JSON.parse(readFileSync(installed, 'utf8')).packages
  return Object.entries(wanted).every(([path, { version, optional, os, cpu, libc }]) => {
    if (path === '') return true
    const isForHere = (!os || os.includes(process.platform)) && (!cpu || cpu.includes(process.arch))
    // Of packages for one C library or another, the machine has at most one: npm chooses.
    if (found[path] === undefined) return optional === true && (!isForHere || libc !== undefined)
    return found[path].version === version && existsSync(join(root, path))
  })
}

if (!isInstalled()) {
  process.stderr.write('Installing what package-lock.json names (once)...\n')
  const npm = process.env.npm_execpath
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const isScript = npm !== undefined && /\.c?js$/.test(npm)
  const { status } = isScript
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  if (status !== 0) {
    process.stderr.write('npm ci failed: see above. Run it by hand to learn more.\n')
    process.exit(1)
  }
}
