import { dirname, join } from 'node:path'
import { isTestCode, walk, type Node, type SourceFile } from './source.ts'

/** Which folders of `src/` each folder may import from, besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  core: ['protocol'],
  providers: ['protocol', 'core'],
  store: ['protocol', 'core'],
  accounts: ['protocol', 'core', 'store'],
  egress: ['protocol', 'core'],
  telemetry: ['protocol', 'core'],
  engine: ['protocol', 'core', 'providers', 'store', 'telemetry'],
  http: ['protocol', 'core', 'providers', 'store', 'accounts', 'telemetry', 'engine'],
  config: ['protocol', 'providers'],
  commands: ['protocol', 'core', 'config', 'accounts', 'store', 'egress', 'telemetry', 'engine', '.'],
  '.': [
    'protocol',
    'core',
    'providers',
    'store',
    'accounts',
    'egress',
    'telemetry',
    'engine',
    'http',
    'config',
    'commands',
  ],
}

/** What a folder may see of another: the interfaces, not what stands behind them. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  'engine→providers': ['src/providers/adapter.ts', 'src/providers/content.ts', 'src/providers/routing.ts'],
  'engine→store': ['src/store/store.ts'],
  'engine→telemetry': ['src/telemetry/log.ts', 'src/telemetry/metrics.ts'],
  'http→providers': ['src/providers/adapter.ts', 'src/providers/routing.ts'],
  'http→store': ['src/store/store.ts'],
  'http→telemetry': ['src/telemetry/log.ts', 'src/telemetry/metrics.ts'],
  'accounts→store': ['src/store/store.ts'],
  'config→providers': ['src/providers/registry.ts', 'src/providers/family.ts'],
}

/** Imports in the wrong direction, a sentence each. */
export function layerFaults(file: SourceFile): string[] {
  const from = layerOf(file.path)
  if (isTestCode(file.path)) return []
  return importsOf(file).flatMap((target) => {
    const to = layerOf(target)
    if (to === from) return []
    if (!(MAY_IMPORT[from] ?? []).includes(to)) return [`${file.path} imports ${target}: ${from} may not know ${to}`]
    const doors = DOORS[`${from}→${to}`]
    return doors === undefined || doors.includes(target)
      ? []
      : [`${file.path} imports ${target}: behind the interface of ${to}`]
  })
}

/** Words whose use makes a pure layer impure. */
const IMPURE = /\b(?:Date\.now|new Date\(\)|Math\.random|process\.env|setTimeout|setInterval|console\.)/

/** What `protocol` and `core` must not do: time, chance, environment and modules of Node. */
export function purityFaults(file: SourceFile): string[] {
  const layer = layerOf(file.path)
  if ((layer !== 'protocol' && layer !== 'core') || isTestCode(file.path)) return []
  const impure = IMPURE.exec(file.text)
  const modules = specifiersOf(file).filter((specifier) => specifier.startsWith('node:'))
  return [
    ...(impure === null ? [] : [`${file.path} uses ${impure[0]}: ${layer} is pure`]),
    ...modules.map((specifier) => `${file.path} imports ${specifier}: ${layer} is pure`),
  ]
}

/** Modules that open sockets. */
const SOCKETS = /^(?:undici|node:(?:net|tls|http|https|http2|dgram|dns))$/

/** Whatever leaves the process leaves through `egress/`: nothing else opens sockets or calls `fetch`. */
export function egressFaults(file: SourceFile): string[] {
  if (isTestCode(file.path) || !file.path.startsWith('src/') || layerOf(file.path) === 'egress') return []
  const faults: string[] = []
  walk(file.program, (node) => {
    const { source, callee } = node
    const isType = node['importKind'] === 'type'
    if (node.type === 'ImportDeclaration' && !isType && isLiteral(source) && SOCKETS.test(source.value)) {
      faults.push(`${file.path} imports ${source.value}: only egress opens sockets`)
    }
    if (node.type === 'CallExpression' && isNamed(callee, 'fetch')) faults.push(`${file.path} calls fetch: use egress`)
  })
  return faults
}

function isNamed(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && 'name' in value && value.name === name
}

function importsOf(file: SourceFile): string[] {
  return specifiersOf(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => join(dirname(file.path), specifier))
    .filter((target) => target.startsWith('src/'))
}

function specifiersOf(file: SourceFile): string[] {
  const found: string[] = []
  walk(file.program, (node) => {
    const source = node['source']
    if (/^(?:Import|Export\w*)(?:Declaration|Expression)$/.test(node.type) && isLiteral(source))
      found.push(source.value)
  })
  return found
}

function isLiteral(value: unknown): value is Node & { value: string } {
  return typeof value === 'object' && value !== null && 'value' in value && typeof value.value === 'string'
}

function layerOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? '.'
}
