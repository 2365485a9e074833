import type { CallableTool, ModelCall } from '../../core/model-call.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { given } from '../given.ts'
import type { ModelFacts } from './models.ts'
import { enforce } from './schema.ts'
import type { Dialect } from './tables.ts'

/** Schemas that a provider enforces in one request: strict tools and the format of the answer together. */
interface SchemaBudget {
  tools: number
  optional: number
  unions: number
}

/** @see https://platform.claude.com/docs/en/build-with-claude/structured-outputs (read 2026-11-22) */
const SCHEMAS_MAX: Readonly<SchemaBudget> = { tools: 20, optional: 24, unions: 16 }

/** Tools as they are offered. */
export interface BuiltTools {
  readonly fields: JsonObject
  /** What the model is told where it cannot be made to call a tool. */
  readonly note: string | undefined
  readonly warnings: readonly string[]
}

const NOTHING: BuiltTools = { fields: {}, note: undefined, warnings: [] }

/** Whether a call must be made, by word of the client. */
export function isForced({ tools, toolChoice }: Pick<ModelCall, 'tools' | 'toolChoice'>): boolean {
  return tools.length > 0 && toolChoice !== undefined && toolChoice !== 'auto' && toolChoice !== 'none'
}

/** Tools, and the choice among them. A dialect without a choice is not offered tools that must not be called. */
export function buildTools(call: ModelCall, facts: ModelFacts, { takes }: Dialect): BuiltTools {
  const hasChoice = takes.has('tool_choice')
  if (call.tools.length === 0 || (call.toolChoice === 'none' && !hasChoice)) return NOTHING
  const { tools, warnings } = declare(call, facts.schemas && takes.has('schemas'))
  if (isForced(call) && !(facts.canBeForced && hasChoice)) {
    const left = 'tool_choice was sent as an instruction: the model cannot be made to call a tool'
    return {
      fields: { tools, ...parallel(call, hasChoice) },
      note: noteOf(call.toolChoice),
      warnings: [...warnings, left],
    }
  }
  return { fields: { tools, ...(hasChoice ? choose(call) : {}) }, note: undefined, warnings }
}

function choose(call: ModelCall): JsonObject {
  const { toolChoice: choice } = call
  if (choice === 'none') return { tool_choice: { type: 'none' } }
  if (choice === undefined) return parallel(call, true)
  const named = typeof choice === 'string' ? {} : { name: choice.name }
  const type = typeof choice === 'string' ? (choice === 'required' ? 'any' : 'auto') : 'tool'
  return { tool_choice: { type, ...named, ...oneAtATime(call) } }
}

function parallel(call: ModelCall, hasChoice: boolean): JsonObject {
  const one = oneAtATime(call)
  return hasChoice && 'disable_parallel_tool_use' in one ? { tool_choice: { type: 'auto', ...one } } : {}
}

function oneAtATime({ parallelToolCalls }: ModelCall): JsonObject {
  return parallelToolCalls === false ? { disable_parallel_tool_use: true } : {}
}

function noteOf(choice: ModelCall['toolChoice']): string {
  return typeof choice === 'object' ? `Call the tool ${choice.name} now.` : 'Call one of the tools now.'
}

function declare(call: ModelCall, enforces: boolean): { tools: JsonObject[]; warnings: string[] } {
  const budget = { ...SCHEMAS_MAX }
  if (enforces && call.format.type === 'json_schema') spend(budget, call.format.schema as JsonObject) // From JSON.
  const loose: string[] = []
  const left = new Set<string>()
  const tools = call.tools.map((tool) => {
    const parameters = parametersOf(tool)
    if (tool.strict !== true) return declared(tool, parameters)
    if (!enforces || !spend(budget, parameters, 1)) {
      loose.push(tool.name)
      return declared(tool, parameters)
    }
    const enforced = enforce(parameters)
    for (const keyword of enforced.left) left.add(keyword)
    return { ...declared(tool, enforced.schema), strict: true }
  })
  return { tools, warnings: [...strictWarning(loose, enforces), ...leftWarning('tools', left)] }
}

/** Takes a schema off the budget; false where it does not fit, and then nothing is taken. */
function spend(budget: SchemaBudget, schema: JsonObject, tools = 0): boolean {
  const { optional, unions } = enforce(schema)
  if (budget.tools < tools || budget.optional < optional || budget.unions < unions) return false
  budget.tools -= tools
  budget.optional -= optional
  budget.unions -= unions
  return true
}

function strictWarning(loose: readonly string[], enforces: boolean): string[] {
  if (loose.length === 0) return []
  const why = enforces
    ? 'more schemas than the provider enforces at once'
    : 'the model does not enforce schemas of tools'
  return [`strict was left out of ${loose.join(', ')}: ${why}`]
}

/** What is said of constraints that a provider does not enforce. */
export function leftWarning(where: string, left: ReadonlySet<string>): string[] {
  if (left.size === 0) return []
  return [`${[...left].join(', ')} in the schema of ${where}: told to the model, not enforced by the provider`]
}

function declared(tool: CallableTool, parameters: JsonObject): JsonObject {
  const description = tool.description === '' ? undefined : tool.description
  return { name: tool.name, ...given('description', description), input_schema: parameters }
}

/** The wire wants a schema of an object, even for tools without parameters. */
function parametersOf({ parameters = {} }: CallableTool): JsonObject {
  // Parameters come from JSON.
  return 'type' in parameters
    ? (parameters as JsonObject)
    : { type: 'object', properties: {}, ...(parameters as JsonObject) }
}
