import type { CallableTool, ModelCall, ToolNamespace } from '../../core/model-call.ts'
import { loweredName } from '../../core/tool-names.ts'
import type { JsonObject, JsonValue } from '../../protocol/json.ts'
import { given } from '../given.ts'
import type { Quirks } from './tables.ts'

/** The tools of a call, and how the model may use them. A provider is told nothing of a choice without tools. */
export function buildTools(call: ModelCall, quirks: Quirks): JsonObject {
  const { tools, parallelToolCalls } = call
  if (tools.length === 0) return {}
  return {
    ...(quirks.ownTools ? buildOwn(call) : buildFunctions(call)),
    ...given('parallel_tool_calls', parallelToolCalls),
  }
}

function buildFunctions({ tools, toolChoice }: ModelCall): JsonObject {
  const choice = typeof toolChoice === 'object' ? { type: 'function', name: toolChoice.name } : toolChoice
  return { tools: tools.map((tool) => functionTool(tool, tool.name)), ...given('tool_choice', choice) }
}

/** Tools as the client offered them, all of them where the choice is left to the provider: it caches what it knows. */
function buildOwn(call: ModelCall): JsonObject {
  const { tools, allTools, toolChoice } = call
  if (typeof toolChoice === 'object') {
    const chosen = tools.find(({ name }) => name === toolChoice.name)
    return { tools: ownTools(tools), ...given('tool_choice', chosen && mention(chosen)) }
  }
  if (allTools === undefined || !tools.every(canBeAllowed)) {
    return { tools: ownTools(tools), ...given('tool_choice', toolChoice) }
  }
  const allowed = { type: 'allowed_tools', mode: toolChoice ?? 'auto', tools: tools.map(mention) }
  return { tools: ownTools(allTools), tool_choice: allowed }
}

/** A list of allowed tools names functions and custom tools, and none that stand in a namespace. */
function canBeAllowed({ origin }: CallableTool): boolean {
  return origin === undefined || (origin.kind === 'custom' && origin.namespace === undefined)
}

/** A tool as a choice names it. */
function mention({ name, origin }: CallableTool): JsonObject {
  if (origin?.kind === 'tool_search') return { type: 'tool_search' }
  return { type: origin?.kind ?? 'function', name: origin === undefined ? name : ownName(origin.name) }
}

/** What stands in a namespace is gathered there, where its first tool stood. */
function ownTools(tools: readonly CallableTool[]): JsonObject[] {
  const namespaces = new Map<string, JsonValue[]>()
  return tools.flatMap((tool) => {
    const own = ownTool(tool)
    const namespace = namespaceOf(tool)
    if (namespace === undefined) return [own]
    const members = namespaces.get(namespace.name)
    if (members !== undefined) {
      members.push(own)
      return []
    }
    const first = [own]
    namespaces.set(namespace.name, first)
    const { name, description = name } = namespace
    return [{ type: 'namespace', name: ownName(name), description, tools: first }]
  })
}

function namespaceOf({ origin }: CallableTool): ToolNamespace | undefined {
  return origin === undefined || origin.kind === 'tool_search' ? undefined : origin.namespace
}

function ownTool(tool: CallableTool): JsonObject {
  const { origin } = tool
  switch (origin?.kind) {
    case 'custom':
      return {
        type: 'custom',
        name: ownName(origin.name),
        ...given('description', origin.description),
        ...given('format', origin.format as JsonObject | undefined), // Formats come from JSON.
      }
    case 'tool_search':
      return {
        type: 'tool_search',
        execution: 'client',
        ...given('description', tool.description),
        ...given('parameters', tool.parameters as JsonObject | undefined), // Parameters come from JSON.
      }
    case 'function':
      return functionTool(tool, ownName(origin.name))
    case undefined:
      return functionTool(tool, tool.name)
  }
}

function functionTool({ description, parameters, strict }: CallableTool, name: string): JsonObject {
  return {
    type: 'function',
    name,
    ...given('description', description),
    parameters: (parameters ?? NO_PARAMETERS) as JsonObject, // Parameters come from JSON.
    ...given('strict', strict),
  }
}

/** Providers insist on parameters. */
const NO_PARAMETERS: JsonObject = { type: 'object', properties: {} }

/** A name inside its namespace: dots are refused there too. */
export function ownName(name: string): string {
  return loweredName(name, undefined)
}
