import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a package says of itself, as far as its licence goes. */
interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly author?: string | { readonly name: string }
}

const HEADING = `Antiphon contains these packages. Each is the work of its authors and under the licence that follows it.`

const RULE = '-'.repeat(80)

/**
 * The licences of all packages that modules come from, in the order of their names.
 *
 * @param modules Absolute paths; those outside `node_modules` are ours.
 * @throws A package does not say what its licence is.
 */
export function licencesOf(modules: readonly string[]): string {
  const folders = new Set(modules.flatMap((path) => packageFolder(path) ?? []))
  const licences = new Set([...folders].map(licenceOf)) // A package may be there twice.
  return [HEADING, ...[...licences].toSorted()].join(`\n\n${RULE}\n`)
}

/** The folder of the package that a module belongs to; the innermost, where they are nested. */
function packageFolder(path: string): string | undefined {
  return /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(path)?.[0]
}

function licenceOf(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  const { name, version, license } = manifest
  if (license === undefined) throw new Error(`${name} does not say what its licence is: leave it out of the bundle.`)
  const files = readdirSync(folder).filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file))
  const texts = files.toSorted().map((file) => readFileSync(join(folder, file), 'utf8').trim())
  return [`${name} ${version} (${license})`, ...(texts.length === 0 ? [authorOf(manifest)] : texts)].join('\n\n')
}

/** Some packages give the name of their licence alone. */
function authorOf({ author, name }: Manifest): string {
  return `By ${typeof author === 'object' ? author.name : (author ?? `the authors of ${name}`)}. The package holds no text of its licence.`
}
