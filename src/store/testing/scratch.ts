import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/**
 * Makes a folder that goes when the test file has run.
 *
 * @returns the path of a file in it that nobody else uses.
 */
export function scratchFiles(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'antiphon-'))
  after(() => rmSync(folder, { recursive: true }))
  let made = 0
  return (name) => join(folder, `${made++}-${name}`)
}
