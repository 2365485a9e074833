import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { citedIds } from '../spec/citations.ts'
import { REQUIREMENTS } from '../spec/requirements.ts'
import { buildOpenApi } from '../src/protocol/openapi.ts'
import { VERSION } from '../src/version.ts'
import { FAMILIES } from '../src/providers/registry.ts'
import { providersPage } from './providers/page.ts'
import { inspect, type Tidiness } from './tidy/tidy.ts'

/** One gate: what it looked at, and whether it lets the project through. */
interface Gate {
  readonly name: string
  readonly lookedAt: number
  readonly faults: readonly string[]
}

const UNITS: Readonly<Record<string, string>> = {
  requirements: 'ids',
  'openapi.json': 'schemas',
  'docs/providers.md': 'families',
}

const tidiness = inspect()
const required = Object.keys(REQUIREMENTS)
const unproved = required.filter((id) => !citedIds().has(id))
const gates: readonly Gate[] = [
  tool('format', ['node_modules/oxfmt/bin/oxfmt', '--check', '.']),
  tool('lint', ['node_modules/oxlint/bin/oxlint', '--type-aware', '.']),
  typeGate(),
  { name: 'tidy', lookedAt: tidiness.files, faults: tidiness.faults },
  { name: 'requirements', lookedAt: required.length, faults: unproved.map((id) => `${id} is proved by no test`) },
  {
    name: 'openapi.json',
    lookedAt: Object.keys(buildOpenApi(VERSION).components.schemas).length,
    faults: openApiFaults(),
  },
  { name: 'docs/providers.md', lookedAt: Object.keys(FAMILIES).length, faults: await providersFaults() },
]
report(gates, tidiness)
process.exitCode = gates.some(({ faults, lookedAt }) => faults.length > 0 || lookedAt === 0) ? 1 : 0

/** A tool that says itself on how many files it has been. */
function tool(name: string, args: readonly string[]): Gate {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args], { encoding: 'utf8' })
  const said = stdout + stderr
  return { name, lookedAt: Number(/on (\d+) files/.exec(said)?.[1] ?? 0), faults: status === 0 ? [] : [said] }
}

function typeGate(): Gate {
  const compiler = 'node_modules/typescript/bin/tsc'
  const { status, stdout } = spawnSync(process.execPath, [compiler, '--listFiles'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  const [files, faults] = [[] as string[], [] as string[]]
  for (const line of stdout.split('\n').filter(Boolean)) (isAbsolute(line) ? files : faults).push(line)
  const own = files.filter((path) => !path.includes('node_modules'))
  return { name: 'types', lookedAt: own.length, faults: status === 0 ? [] : faults }
}

/** docs/providers.md is generated: `npm run providers` writes it. */
async function providersFaults(): Promise<string[]> {
  const [written] = globSync('docs/providers.md').map((path) => readFileSync(path, 'utf8'))
  return written === (await providersPage())
    ? []
    : ['docs/providers.md is not what the tables say: run npm run providers.']
}

/** openapi.json is generated: `npm run openapi` writes it. */
function openApiFaults(): string[] {
  const written = globSync('openapi.json').map((path) => readFileSync(path, 'utf8'))
  return written[0] === openApiText() ? [] : ['openapi.json is not what the schemas say: run npm run openapi.']
}

/** The description as it is written to openapi.json. */
function openApiText(): string {
  return `${JSON.stringify(buildOpenApi(VERSION), null, 2)}\n`
}

function report(results: readonly Gate[], figures: Tidiness): void {
  const say = (line: string) => process.stdout.write(`${line}\n`)
  for (const { name, lookedAt, faults } of results) {
    const verdict = faults.length > 0 ? 'FAILED' : lookedAt === 0 ? 'FAILED (looked at nothing)' : 'ok'
    say(`${name.padEnd(14)} ${verdict.padEnd(8)} ${lookedAt} ${UNITS[name] ?? 'files'} looked at`)
    for (const fault of faults) say(`  ${fault}`)
  }
  const { longestFile, longestFunction, duplicates } = figures
  say('')
  say(`longest file      ${longestFile.lines} lines of code (${longestFile.path}), at most 300`)
  say(`longest function  ${longestFunction.lines} lines (${longestFunction.where} ${longestFunction.name}), at most 50`)
  say(`duplicate share   ${duplicates.percent} % of ${duplicates.files} files, less than 5 %`)
  say(`requirements      ${required.length - unproved.length} of ${required.length} ids proved by a test`)
  say(`tests             ${figures.tests} as written, tables counted once`)
  say(`lines of code     ${figures.codeLines} shipped, ${figures.testLines} of tests`)
}
