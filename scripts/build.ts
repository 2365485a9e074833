import { chmodSync, copyFileSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown, type OutputChunk } from 'rolldown'
import { NODE_MAJOR_MIN } from '../src/commands/run-command.ts'
import { VERSION } from '../src/version.ts'
import { licencesOf } from './build/licences.ts'
import { threads } from './build/threads.ts'

const DEFAULT_FOLDER = 'dist'

/** Every start needs them all: one file is read sooner than seven. */
const TABLES = /src\/providers\/[^/]+\/tables\.ts$/

/** Where the package goes: `npm run build`, or `npm run build -- FOLDER` for an empty folder elsewhere. */
const [folder = DEFAULT_FOLDER] = process.argv.slice(2)
if (folder === DEFAULT_FOLDER) rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const chunks = await bundle()
chmodSync(join(folder, 'main.js'), 0o755)
writeFileSync(join(folder, 'package.json'), manifest())
writeFileSync(join(folder, 'THIRD-PARTY-LICENSES'), licencesOf(chunks.flatMap(({ moduleIds }) => moduleIds)))
for (const file of ['LICENSE', 'README.md']) copyFileSync(file, join(folder, file))
report()

/** The package.json of the sources: what is published tells of itself what stands here. */
interface SourceManifest {
  readonly name: string
  readonly description: string
  readonly license: string
  readonly type: string
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>
}

function sourceManifest(): SourceManifest {
  return JSON.parse(readFileSync('package.json', 'utf8')) as SourceManifest
}

/** Bundles the command, everything it needs and every thread it starts; not what the operator adds by choice. */
async function bundle(): Promise<readonly OutputChunk[]> {
  const sources = await rolldown({
    input: 'src/main.ts',
    platform: 'node',
    external: Object.keys(sourceManifest().peerDependencies),
    plugins: [threads()],
    onLog(level, { message }) {
      // A package that was not found would be looked for where the bundle runs.
      if (level === 'warn') throw new Error(message)
    },
  })
  const { output } = await sources.write({
    dir: folder,
    chunkFileNames: 'chunks/[name].js',
    codeSplitting: { groups: [{ name: 'tables', test: TABLES }] },
    // Without white space a start takes 178 ms instead of 183 (an empty Node: 26), and 2.9 MB are left of 3.8.
    // Short names would make it 170 ms and 1.9 MB, but would take the names out of the stack traces in logs.
    minify: { codegen: true, compress: false, mangle: false },
  })
  await sources.close()
  return output.filter((file) => file.type === 'chunk')
}

/** The package.json of what is published: nothing has to be installed with it. */
function manifest(): string {
  const { name, description, license, type, peerDependencies, peerDependenciesMeta } = sourceManifest()
  const bin = { antiphon: './main.js' }
  const engines = { node: `>=${NODE_MAJOR_MIN}` }
  const optional = { peerDependencies, peerDependenciesMeta }
  const published = { name, version: VERSION, description, license, type, bin, engines, ...optional }
  return `${JSON.stringify(published, null, 2)}\n`
}

function report(): void {
  const files = globSync(join(folder, '**')).filter((path) => statSync(path).isFile())
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0)
  process.stdout.write(`${folder}: ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB\n`)
}
