import { codeLines, isTestCode, lineOf, walk, type Node, type SourceFile } from './source.ts'

/** Most lines of code in a file. */
export const FILE_LINES_MAX = 300

/** Most lines of code in a function. */
export const FUNCTION_LINES_MAX = 50

/** Most parameters of a function. */
export const PARAMETERS_MAX = 3

/** Deepest nesting of statements inside a function. */
export const NESTING_MAX = 3

/** Files of data: their length is that of what they list. */
const TABLES: ReadonlySet<string> = new Set(['spec/requirements.ts', 'src/providers/openai-chat/tables.ts'])

/** One function and its measures. */
export interface FunctionSize {
  readonly where: string
  readonly name: string
  readonly lines: number
  readonly parameters: number
  readonly nesting: number
}

const FUNCTIONS: ReadonlySet<string> = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])

const NESTING: ReadonlySet<string> = new Set([
  'IfStatement',
  'ForStatement',
  'ForOfStatement',
  'ForInStatement',
  'WhileStatement',
  'DoWhileStatement',
  'SwitchStatement',
  'TryStatement',
])

/**
 * Every function with its measures. What stands in a function that only wires others together (it
 * returns an object or a table of them) is counted for the inner ones, and its own lines without them.
 */
export function functionSizes(file: SourceFile): FunctionSize[] {
  const sizes: FunctionSize[] = []
  walk(file.program, (node, parents) => {
    if (!FUNCTIONS.has(node.type)) return
    const inner = innerFunctions(node).reduce((sum, part) => sum + codeLines(file, part.start, part.end) - 1, 0)
    sizes.push({
      where: `${file.path}:${lineOf(file, node.start)}`,
      name: nameOf(node, parents.at(-1)),
      lines: codeLines(file, node.start, node.end) - inner,
      parameters: Array.isArray(node['params']) ? node['params'].length : 0,
      nesting: nestingOf(node),
    })
  })
  return sizes
}

/** What is too large, a sentence each. Tests may be long lists of cases in one function. */
export function sizeFaults(file: SourceFile): string[] {
  const isTest = isTestCode(file.path)
  const lines = codeLines(file)
  const faults: string[] = []
  if (lines > FILE_LINES_MAX && !TABLES.has(file.path))
    faults.push(`${file.path} has ${lines} lines of code, at most ${FILE_LINES_MAX}`)
  for (const { where, name, lines: length, parameters, nesting } of functionSizes(file)) {
    if (length > FUNCTION_LINES_MAX) faults.push(`${where} ${name} has ${length} lines, at most ${FUNCTION_LINES_MAX}`)
    if (parameters > PARAMETERS_MAX && !isTest)
      faults.push(`${where} ${name} has ${parameters} parameters, at most ${PARAMETERS_MAX}`)
    if (nesting > NESTING_MAX) faults.push(`${where} ${name} is nested ${nesting} deep, at most ${NESTING_MAX}`)
  }
  return faults
}

function innerFunctions(node: Node): Node[] {
  const found: Node[] = []
  walk(node, (part, parents) => {
    const isNested = parents.slice(1).some((parent) => FUNCTIONS.has(parent.type))
    if (part !== node && FUNCTIONS.has(part.type) && !isNested) found.push(part)
  })
  return found
}

function nestingOf(node: Node): number {
  let deepest = 0
  walk(node, (part, parents) => {
    if (!NESTING.has(part.type) || parents.slice(1).some((parent) => FUNCTIONS.has(parent.type))) return
    const chain = [...parents.slice(1), part].filter(
      (parent, index, all) => NESTING.has(parent.type) && !isElseIf(parent, all[index - 1]),
    )
    deepest = Math.max(deepest, chain.length)
  })
  return deepest
}

/** `else if` goes on with the same decision. */
function isElseIf(node: Node, parent: Node | undefined): boolean {
  return node.type === 'IfStatement' && parent?.type === 'IfStatement' && parent['alternate'] === node
}

function nameOf(node: Node, parent: Node | undefined): string {
  const holder = [node['id'], parent?.['id'], parent?.['key']].find(hasName)
  return holder?.name ?? '(anonymous)'
}

function hasName(value: unknown): value is { name: string } {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string'
}
