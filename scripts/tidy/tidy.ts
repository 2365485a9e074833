import { DUPLICATE_PERCENT_MAX, findDuplicates, type Duplicates } from './duplicates.ts'
import { egressFaults, layerFaults, purityFaults } from './layers.ts'
import { docstringFaults, exportFaults, nameFaults } from './names.ts'
import { functionSizes, sizeFaults } from './sizes.ts'
import { codeLines, isTestCode, readSources, type SourceFile } from './source.ts'

/** What the tidy gates found, and what they looked at. */
export interface Tidiness {
  readonly faults: readonly string[]
  readonly files: number
  readonly functions: number
  readonly longestFile: { readonly path: string; readonly lines: number }
  readonly longestFunction: { readonly where: string; readonly name: string; readonly lines: number }
  readonly duplicates: Duplicates
  readonly tests: number
  readonly codeLines: number
  readonly testLines: number
}

const CHECKS = [layerFaults, egressFaults, purityFaults, sizeFaults, nameFaults, docstringFaults, exportFaults]

/** Looks at every source file of the project. */
export function inspect(): Tidiness {
  const files = readSources('{src,spec,e2e,scripts,bench}/**/*.ts')
  const shipped = files.filter(({ path }) => path.startsWith('src/') && !isTestCode(path))
  const functions = shipped.flatMap(functionSizes)
  const duplicates = findDuplicates(['src', 'scripts'])
  const longest = <Item>(items: readonly Item[], size: (item: Item) => number) =>
    items.reduce((best, item) => (size(item) > size(best) ? item : best))
  const file = longest(shipped, codeLines)
  return {
    faults: [...files.flatMap((source) => CHECKS.flatMap((check) => check(source))), ...duplicateFaults(duplicates)],
    files: files.length,
    functions: functions.length,
    longestFile: { path: file.path, lines: codeLines(file) },
    longestFunction: longest(functions, ({ lines }) => lines),
    duplicates,
    tests: files.reduce((sum, source) => sum + testsIn(source), 0),
    codeLines: shipped.reduce((sum, source) => sum + codeLines(source), 0),
    testLines: files.filter(({ path }) => isTestCode(path)).reduce((sum, source) => sum + codeLines(source), 0),
  }
}

function duplicateFaults({ percent, places, betweenAdapters }: Duplicates): string[] {
  const copied = betweenAdapters.map((place) => `${place} is copied from adapter to adapter`)
  if (percent < DUPLICATE_PERCENT_MAX) return copied
  return [
    ...copied,
    `${percent} % of the code stands in two places, less than ${DUPLICATE_PERCENT_MAX} % may`,
    ...places,
  ]
}

/** Tests as written: a table counts once, however many rows it has. */
function testsIn(source: SourceFile): number {
  return isTestCode(source.path) ? (source.text.match(/^\s*(?:test|proves|knownGap|it)\(/gm)?.length ?? 0) : 0
}
