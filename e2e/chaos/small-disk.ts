import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A file system of its own, as small as is wanted. */
export interface SmallDisk {
  /** An empty folder in it. */
  readonly path: string
  /** Leaves no byte of it free. */
  fill(): void
  /** Gives back what `fill` has taken. */
  free(): void
  /** Lets nobody write any more. @returns whether the system allows it: nobody may have a file open for writing. */
  makeReadOnly(): boolean
}

/** Why there can be none here; false where there can. */
export const DISK_MISSING: string | false = explain()

function explain(): string | false {
  if (process.platform !== 'linux') return 'tmpfs is of Linux'
  if (process.getuid?.() !== 0) return 'only root can mount a tmpfs'
  const probe = mkdtempSync(join(tmpdir(), 'antiphon-probe-'))
  const { status, stderr } = mount(probe, 'size=64k')
  if (status === 0) spawnSync('umount', [probe])
  rmSync(probe, { recursive: true })
  return status === 0 ? false : `a tmpfs cannot be mounted: ${stderr.trim()}`
}

function mount(path: string, options: string) {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'none', path], { encoding: 'utf8' })
}

const STEP_BYTES = 4096

/** Mounts one; it goes with the test. */
export function mountSmallDisk(context: TestContext, size_mib: number): SmallDisk {
  const root = mkdtempSync(join(tmpdir(), 'antiphon-disk-'))
  const { status, stderr } = mount(root, `size=${size_mib}m`)
  if (status !== 0) throw new Error(stderr)
  context.after(() => {
    spawnSync('umount', ['--lazy', root])
    rmSync(root, { recursive: true, force: true })
  })
  const path = join(root, 'data')
  mkdirSync(path)
  const filler = join(root, 'filler')
  return {
    path,
    fill() {
      const file = openSync(filler, 'a')
      try {
        for (const step = Buffer.alloc(STEP_BYTES); ;) writeSync(file, step)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
      } finally {
        closeSync(file)
      }
    },
    free: () => rmSync(filler, { force: true }),
    makeReadOnly: () => spawnSync('mount', ['-o', 'remount,ro', root]).status === 0,
  }
}
