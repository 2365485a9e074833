import { globSync, readFileSync } from 'node:fs'
import { parseSync, visitorKeys, type Comment } from 'oxc-parser'

/** A node of the syntax tree, as far as the gates look. */
export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

/** A source file, parsed. */
export interface SourceFile {
  /** Path from the project's root, such as `src/core/decide.ts`. */
  readonly path: string
  readonly text: string
  readonly program: Node
  readonly comments: readonly Comment[]
}

/** Reads and parses every TypeScript file under the given folders. */
export function readSources(pattern: string): readonly SourceFile[] {
  return globSync(pattern)
    .toSorted()
    .map((path) => parseSource(path, readFileSync(path, 'utf8')))
}

/** Parses one file. @throws It is not TypeScript. */
export function parseSource(path: string, text: string): SourceFile {
  const { program, comments, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`)
  return { path, text, program: program as unknown as Node, comments } // ESTree nodes have these fields.
}

/** Whether a file serves tests alone. */
export function isTestCode(path: string): boolean {
  return /\.test\.ts$|\/testing\/|^src\/store\/contract|^e2e\/|^spec\//.test(path)
}

/** Calls `visit` with every node and its depth among nested blocks. */
export function walk(
  node: Node,
  visit: (node: Node, parents: readonly Node[]) => void,
  parents: readonly Node[] = [],
): void {
  visit(node, parents)
  const below = [...parents, node]
  for (const key of visitorKeys[node.type] ?? []) {
    const child = node[key]
    for (const part of Array.isArray(child) ? child : [child]) {
      if (isNode(part)) walk(part, visit, below)
    }
  }
}

/** Lines of code between two offsets: neither blank nor comment. */
export function codeLines({ text, comments }: SourceFile, start = 0, end = text.length): number {
  let code = text.slice(start, end)
  for (const comment of comments.toReversed()) {
    if (comment.start < start || comment.end > end) continue
    code = code.slice(0, comment.start - start) + code.slice(comment.end - start)
  }
  return code.split('\n').filter((line) => line.trim() !== '').length
}

/** The line a node begins on, from 1. */
export function lineOf({ text }: SourceFile, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value
}
