/**
 * `npm run new-provider -- NAME`: a new family of providers that compiles, answers its first scenario and lists what
 * is still to be looked at. docs/adding-a-provider.md says how it goes on.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { KIND_FORM, registered, REGISTRY, scaffold } from './providers/scaffold.ts'

const [kind = ''] = process.argv.slice(2)
const folder = `src/providers/${kind}`
if (!KIND_FORM.test(kind)) throw new Error('Usage: npm run new-provider -- NAME, of lower-case letters and hyphens.')
if (existsSync(folder)) throw new Error(`${folder} is there already.`)

for (const [path, text] of scaffold(kind)) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
writeFileSync(REGISTRY, registered(readFileSync(REGISTRY, 'utf8'), kind))
process.stdout.write(`${folder} is there, and ${REGISTRY} names it. Go on with docs/adding-a-provider.md.\n`)
