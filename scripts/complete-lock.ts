import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Completes package-lock.json after `npm install`.
 *
 * npm leaves out platform packages that the registry in use does not have, and `npm ci` then refuses the
 * lock on every machine. Their names and versions stand in the packages that want them; what they are for
 * stands in their names.
 */
interface LockedPackage {
  readonly version?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

interface Lock {
  packages: Record<string, LockedPackage>
}

const SYSTEMS: Readonly<Record<string, string>> = {
  android: 'android',
  darwin: 'darwin',
  freebsd: 'freebsd',
  linux: 'linux',
  openharmony: 'openharmony',
  win32: 'win32',
  windows: 'win32',
}

/** Runs on whatever system there is. */
const WEB_ASSEMBLY = 'wasm32'

const PROCESSORS: Readonly<Record<string, string>> = {
  arm: 'arm',
  arm64: 'arm64',
  ia32: 'ia32',
  ppc64: 'ppc64',
  riscv64: 'riscv64',
  s390x: 's390x',
  wasm32: WEB_ASSEMBLY,
  x64: 'x64',
}

const LIBRARIES: Readonly<Record<string, string>> = {
  gnu: 'glibc',
  gnueabihf: 'glibc',
  musl: 'musl',
  musleabihf: 'musl',
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock
const missing = Object.values(lock.packages).flatMap((wanting) =>
  Object.entries(wanting.optionalDependencies ?? {}).flatMap(([name, version]) => {
    const path = `node_modules/${name}`
    const isPinned = /^\d+\.\d+\.\d+$/.test(version)
    return lock.packages[path] === undefined && isPinned ? [[path, entryFor(name, version, wanting.dev)] as const] : []
  }),
)
const entries = [...Object.entries(lock.packages), ...missing].toSorted(([one], [other]) => (one < other ? -1 : 1))
writeFileSync('package-lock.json', `${JSON.stringify({ ...lock, packages: Object.fromEntries(entries) }, null, 2)}\n`)
process.stdout.write(`${missing.length} platform packages added to package-lock.json\n`)

/** The entry of a platform package, from what its name says. */
function entryFor(name: string, version: string, dev: boolean | undefined): LockedPackage {
  const words = name.split(/[/-]/)
  const os = words.flatMap((word) => SYSTEMS[word] ?? [])
  const cpu = words.flatMap((word) => PROCESSORS[word] ?? [])
  const libc = words.flatMap((word) => LIBRARIES[word] ?? [])
  const systems = cpu[0] === WEB_ASSEMBLY ? 0 : 1
  if (os.length !== systems || cpu.length !== 1) throw new Error(`The name ${name} does not say what it is for.`)
  const given = <Value>(key: string, values: readonly Value[]) => (values.length === 0 ? {} : { [key]: values })
  // In npm's own order, so that its next run changes nothing.
  return { version, cpu, ...(dev === true ? { dev } : {}), ...given('libc', libc), optional: true, ...given('os', os) }
}
