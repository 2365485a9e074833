import { globSync } from 'node:fs'
import { FIELD_NAMES, NOT_TAKEN, type CallField, type Treatment } from '../../src/providers/fields.ts'
import type { ContentTable } from '../../src/providers/content.ts'
import type { Family, RegisteredFamily } from '../../src/providers/family.ts'
import { FAMILIES } from '../../src/providers/registry.ts'
import { SCENARIOS, type ScenarioName } from '../../src/providers/testing/conformance/scenarios.ts'
import type { Conforming, Fixture } from '../../src/providers/testing/conformance/suite.ts'

/** docs/providers.md: what becomes of everything at every provider, from the tables that the adapters run on. */
export async function providersPage(): Promise<string> {
  const conforming = await loadConforming()
  const registered: readonly (readonly [string, RegisteredFamily])[] = Object.entries(FAMILIES)
  const families = await Promise.all(
    registered.map(async ([kind, { dialects, load }]) => ({ kind, dialects, family: await load() })),
  )
  return [
    '# Providers',
    '',
    'This page is written by `npm run providers` from the tables that the adapters themselves run on, and from the',
    'fixtures of their tests. A gate fails where it is not what they say.',
    '',
    ...families.flatMap(familySection),
    ...matrixSection(conforming),
  ].join('\n')
}

/** Every family that has been put to the test. */
async function loadConforming(): Promise<readonly Conforming[]> {
  const files = globSync('src/providers/*/testing/fixtures.ts').toSorted()
  // Each of them exports what the suite is given.
  const modules = await Promise.all(
    files.map((file) => import(new URL(`../../${file}`, import.meta.url).href) as Promise<{ conforming: Conforming }>),
  )
  return modules.map((module) => module.conforming)
}

/** A family, loaded. */
interface Loaded {
  readonly kind: string
  readonly dialects: RegisteredFamily['dialects']
  readonly family: Family
}

function familySection(loaded: Loaded): string[] {
  const { kind, dialects, family } = loaded
  return [
    `## ${kind}`,
    '',
    family.about,
    '',
    ...dialectTable(dialects),
    '',
    ...fieldTable(loaded),
    '',
    ...contentTable(loaded),
    '',
  ]
}

function dialectTable(dialects: Loaded['dialects']): string[] {
  const rows = Object.entries(dialects).map(([name, { baseUrl, keyVariable, needs = [], needsUnkeyed = [] }]) => [
    code(name),
    baseUrl ?? '',
    keyVariable === undefined ? '' : code(keyVariable),
    [...needs.map(code), ...needsUnkeyed.map((setting) => `${code(setting)} or a key`)].join(', '),
  ])
  return table(['dialect', 'base_url', 'enabled by', 'needs'], rows)
}

/** What most dialects do stands in the table, what some do otherwise behind it. */
function fieldTable({ family, dialects }: Loaded): string[] {
  const names = Object.keys(dialects)
  const rows = (Object.entries(FIELD_NAMES) as [CallField, string][]).map(([field, name]) => {
    const [first, others] = grouped(names, (dialect) => treatmentText(family.fieldsOf(dialect)[field]))
    return [code(name), first, others]
  })
  return table(['request field', 'becomes', 'elsewhere'], rows)
}

const CONTENT_NAMES: Readonly<Record<keyof ContentTable, string>> = {
  imageData: 'images by data',
  imageUrl: 'images by URL',
  imageDetail: '`detail` of images',
  fileData: 'files by data',
  fileUrl: 'files by URL',
  resultParts: 'images and files in results of tools',
}

const CONTENT_TEXT: Readonly<Record<ContentTable[keyof ContentTable], string>> = {
  map: 'sent',
  fetch: 'fetched by Antiphon, sent as data',
  drop: 'left out, with a warning',
  move: 'moved to a message after them',
  reject: 'refused',
}

function contentTable({ family, dialects }: Loaded): string[] {
  const names = Object.keys(dialects)
  const rows = (Object.keys(CONTENT_NAMES) as (keyof ContentTable)[]).map((kind) => {
    const [first, others] = grouped(names, (dialect) => CONTENT_TEXT[family.contentOf(dialect)[kind]])
    return [CONTENT_NAMES[kind], first, others]
  })
  return table(['content', 'becomes', 'elsewhere'], rows)
}

/** What the first dialect says, and who says something else. */
function grouped(names: readonly string[], tell: (name: string) => string): readonly [string, string] {
  const [first = ''] = names.map(tell)
  const others = new Map<string, string[]>()
  for (const name of names) {
    const text = tell(name)
    if (text !== first) others.set(text, [...(others.get(text) ?? []), name])
  }
  return [first, [...others].map(([text, who]) => `${who.join(', ')}: ${text}`).join('; ')]
}

function treatmentText(treatment: Treatment): string {
  if (treatment.as === 'map') return code(treatment.to)
  if (treatment.as === 'keep') return treatment.why
  if (treatment.as === 'reject') return `refused: ${treatment.why}`
  return treatment.why === NOT_TAKEN ? 'left out, with a warning' : `left out, with a warning: ${treatment.why}`
}

/** Scenarios of URLs, and what their content is. */
const FETCHED: Partial<Record<ScenarioName, keyof ContentTable>> = {
  'an image by URL': 'imageUrl',
  'a file by URL': 'fileUrl',
}

function matrixSection(conforming: readonly Conforming[]): string[] {
  const notes: string[] = []
  const cell = ({ family, setup, fixtures }: Conforming, name: ScenarioName): string => {
    const fixture: Fixture = fixtures[name]
    if ('notSupported' in fixture) {
      const note = `${fixture.notSupported} (${fixture.source})`
      if (!notes.includes(note)) notes.push(note)
      return `[${notes.indexOf(note) + 1}]`
    }
    const kind = FETCHED[name]
    if (kind !== undefined && family.contentOf(setup.dialect)[kind] === 'fetch') return 'fetched'
    if ('refused' in fixture) return 'refused'
    return 'sent' in fixture && (fixture.warnings ?? []).length > 0 ? 'with a warning' : 'yes'
  }
  const rows = (Object.keys(SCENARIOS) as ScenarioName[]).map((name) => [
    name,
    ...conforming.map((tested) => cell(tested, name)),
  ])
  return [
    '## Conformance',
    '',
    'Every scenario of the suite at every family. `with a warning`: something of it is left out or changed, and the client',
    'is told in `antiphon-warnings`. `fetched`: Antiphon fetches it. A number: not supported, for the reason below.',
    '',
    ...table(['scenario', ...conforming.map(({ name }) => name)], rows),
    '',
    ...notes.map((note, index) => `${index + 1}. ${note}`),
    '',
  ]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

function code(text: string): string {
  return `\`${text}\``
}
