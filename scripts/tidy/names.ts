import { basename } from 'node:path'
import { isTestCode, lineOf, walk, type Node, type SourceFile } from './source.ts'

const KEBAB_CASE = /^[a-z0-9.]+(?:-[a-z0-9.]+)*$/

const SAYS_NOTHING: ReadonlySet<string> = new Set([
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'misc',
  'types',
  'models',
  'shared',
])

/** Names that say nothing, or are spelt another way than all others. */
export function nameFaults({ path }: SourceFile): string[] {
  const parts = path.replace(/(?:\.test)?\.ts$/, '').split('/')
  return parts.flatMap((part) => {
    if (!KEBAB_CASE.test(part)) return [`${path}: ${part} is not kebab-case`]
    return SAYS_NOTHING.has(part) && part !== 'models' ? [`${path}: ${part} names no responsibility`] : []
  })
}

/** Exported things without a docstring, in code that others read. Schemas bear their type's docstring. */
export function docstringFaults(file: SourceFile): string[] {
  if (isTestCode(file.path) || !file.path.startsWith('src/')) return []
  const documented = new Set<string>()
  const faults: string[] = []
  walk(file.program, (node) => {
    if (node.type !== 'ExportNamedDeclaration') return
    const names = namesOf(node['declaration'])
    const hasOne = hasDocstring(file, node.start)
    const isWireShape = /^src\/(?:protocol|providers\/[^/]+\/wire)/.test(file.path) && isCapitalised(names)
    if (!hasOne && !isWireShape && !names.every((name) => documented.has(name))) {
      faults.push(`${file.path}:${lineOf(file, node.start)} ${names.join(', ')} has no docstring`)
    }
    if (hasOne) for (const name of names) documented.add(name)
  })
  return faults
}

/** Default exports and barrels: things are imported by name from where they are. */
export function exportFaults(file: SourceFile): string[] {
  const faults: string[] = []
  walk(file.program, (node) => {
    const where = `${file.path}:${lineOf(file, node.start)}`
    if (node.type === 'ExportDefaultDeclaration') faults.push(`${where} exports a default`)
    if (node.type === 'ExportAllDeclaration' || (node.type === 'ExportNamedDeclaration' && node['source'] != null)) {
      faults.push(`${where} re-exports from elsewhere`)
    }
  })
  return basename(file.path) === 'index.ts' ? [...faults, `${file.path} is a barrel`] : faults
}

function hasDocstring({ text, comments }: SourceFile, start: number): boolean {
  const before = comments.findLast((comment) => comment.end <= start)
  return before !== undefined && before.value.startsWith('*') && text.slice(before.end, start).trim() === ''
}

function namesOf(declaration: unknown): string[] {
  const node = declaration as (Node & { id?: { name?: string }; declarations?: { id: { name?: string } }[] }) | null // ESTree.
  if (node?.declarations !== undefined) return node.declarations.map(({ id }) => id.name ?? '')
  return node?.id?.name === undefined ? [] : [node.id.name]
}

function isCapitalised(names: readonly string[]): boolean {
  return names.every((name) => /^[A-Z][a-z]/.test(name))
}
