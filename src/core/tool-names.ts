import { badRequest } from '../protocol/error.ts'
import { isJsonObject, parseJson } from '../protocol/json.ts'
import type { CustomTool, FunctionTool, NamespaceTool, Tool, ToolChoice } from '../protocol/tool.ts'
import type { CallableChoice, CallableTool, ToolNamespace } from './model-call.ts'
import type { ModelEvent, ToolCallEvent, ToolKind } from './model-event.ts'

/** What a lowered name stands for. */
interface Origin {
  readonly kind: ToolKind
  readonly name: string
  readonly namespace?: string
}

/** The tools of one request, lowered to functions, and the way back from their names. */
export interface LoweredTools {
  readonly tools: readonly CallableTool[]
  readonly origins: ReadonlyMap<string, Origin>
}

/** The same for all: the way back from its names is kept as long as a stream runs. */
const NO_TOOLS: LoweredTools = { tools: [], origins: new Map() }

/** Longest function name that providers take. */
const LOWERED_NAME_CHARS_MAX = 64

const CUSTOM_INPUT = 'input'

/**
 * Lowers every tool to a function: `custom` to a function of one string, a namespace's members to
 * `namespace__name`, `tool_search` to a function of its own name.
 *
 * @throws {ApiError} Two tools lower to one name.
 */
export function lowerTools(tools: readonly Tool[]): LoweredTools {
  if (tools.length === 0) return NO_TOOLS
  const origins = new Map<string, Origin>()
  const lowered: CallableTool[] = []
  for (const [index, tool] of tools.entries()) {
    for (const { callable, origin } of lowerTool(tool)) {
      if (origins.has(callable.name)) {
        const param = `tools[${index}].name`
        throw badRequest('invalid_value', param, `${param} must be unique: another tool has the same name.`)
      }
      origins.set(callable.name, origin)
      lowered.push(callable)
    }
  }
  return { tools: lowered, origins }
}

type Lowered = { callable: CallableTool; origin: Origin }

function lowerTool(tool: Tool): Lowered[] {
  switch (tool.type) {
    case 'function':
      return [lowerFunction(tool, undefined)]
    case 'custom':
      return [lowerCustom(tool, undefined)]
    case 'namespace':
      return lowerNamespace(tool)
    case 'tool_search': {
      const callable = {
        name: 'tool_search',
        description: tool.description ?? undefined,
        parameters: tool.parameters ?? undefined,
        strict: undefined,
        origin: { kind: 'tool_search' as const },
      }
      return [{ callable, origin: { kind: 'tool_search', name: 'tool_search' } }]
    }
    default:
      return [] // Web search: the engine has refused it or left it out with a warning.
  }
}

function lowerNamespace({ name, description, tools }: NamespaceTool): Lowered[] {
  const namespace = { name, ...described(description) }
  return tools.map((tool) => (tool.type === 'function' ? lowerFunction(tool, namespace) : lowerCustom(tool, namespace)))
}

function described(description: string | null | undefined): { description?: string } {
  return description == null ? {} : { description }
}

function lowerFunction(tool: FunctionTool, namespace: ToolNamespace | undefined): Lowered {
  const { name } = tool
  const callable = {
    name: loweredName(name, namespace?.name),
    description: tool.description ?? undefined,
    parameters: tool.parameters ?? undefined,
    strict: tool.strict ?? undefined,
    ...(namespace === undefined ? {} : { origin: { kind: 'function' as const, name, namespace } }),
  }
  return { callable, origin: { kind: 'function', name, ...nameOf(namespace) } }
}

function nameOf(namespace: ToolNamespace | undefined): { namespace?: string } {
  return namespace === undefined ? {} : { namespace: namespace.name }
}

function lowerCustom(tool: CustomTool, namespace: ToolNamespace | undefined): Lowered {
  const { name } = tool
  const callable = {
    name: loweredName(name, namespace?.name),
    description: [tool.description, grammarOf(tool)].filter((line) => line != null && line !== '').join('\n\n'),
    parameters: {
      type: 'object',
      properties: { [CUSTOM_INPUT]: { type: 'string', description: 'The whole input of the tool, as plain text.' } },
      required: [CUSTOM_INPUT],
      additionalProperties: false,
    },
    strict: undefined,
    origin: {
      kind: 'custom' as const,
      name,
      ...described(tool.description),
      ...(tool.format == null ? {} : { format: tool.format }),
      ...(namespace === undefined ? {} : { namespace }),
    },
  }
  return { callable, origin: { kind: 'custom', name, ...nameOf(namespace) } }
}

/** A grammar cannot be enforced through a function: the model is told of it instead. */
function grammarOf(tool: CustomTool): string {
  const definition = tool.format?.['definition']
  return typeof definition === 'string' ? `The input must follow this grammar:\n${definition}` : ''
}

/** The name a provider sees: dots and namespaces flattened, at most 64 characters. */
export function loweredName(name: string, namespace: string | undefined): string {
  const full = namespace === undefined ? name : `${namespace}__${name}`
  return full.replaceAll('.', '_').slice(0, LOWERED_NAME_CHARS_MAX)
}

/** The choice in lowered names, and the tools that it leaves. */
export interface LoweredChoice {
  readonly choice: CallableChoice | undefined
  readonly tools: readonly CallableTool[]
  /** All that were offered, where the choice leaves some of them. */
  readonly allTools?: readonly CallableTool[]
}

/**
 * Lowers `tool_choice`. `allowed_tools` is enforced: the others are not offered at all.
 *
 * @throws {ApiError} The choice names a tool that is not offered.
 */
export function lowerChoice(choice: ToolChoice | undefined, lowered: LoweredTools): LoweredChoice {
  const { tools } = lowered
  if (choice === undefined || typeof choice === 'string') {
    if (choice === 'required' && tools.length === 0) {
      throw badRequest('invalid_value', 'tool_choice', 'tool_choice is required, but no tools are offered.')
    }
    return { choice: tools.length === 0 ? undefined : choice, tools }
  }
  if (choice.type !== 'allowed_tools') {
    return { choice: { name: offeredName(lowered, choice.name, 'tool_choice') }, tools }
  }
  const allowed = new Set(
    choice.tools.map((tool, index) => offeredName(lowered, tool.name ?? tool.type, `tool_choice.tools[${index}]`)),
  )
  return { choice: choice.mode, tools: tools.filter((tool) => allowed.has(tool.name)), allTools: tools }
}

function offeredName(lowered: LoweredTools, name: string, param: string): string {
  const found = [...lowered.origins].find(([, origin]) => origin.name === name)
  if (found !== undefined) return found[0]
  throw badRequest('invalid_value', param.split('.')[0] ?? param, `${param} must name a tool that the request offers.`)
}

/** The arguments of a lowered custom call. */
export function customArguments(input: string): string {
  return JSON.stringify({ [CUSTOM_INPUT]: input })
}

/** A call whose arguments are held back: only the whole of them says what the client's input is. */
interface HeldCall {
  readonly kind: ToolKind
  text: string
}

/**
 * Maps lowered tool names back to what the client offered; the arguments of custom calls to their input. A call that
 * says what kind it is was never lowered: its arguments are what they should be.
 *
 * Arguments of custom calls and searches are held until they are whole: at the latest until the model
 * says something else or ends, because that closes its calls.
 */
export function createToolRaiser(origins: LoweredTools['origins']): (event: ModelEvent) => readonly ModelEvent[] {
  let held: Map<string, HeldCall> | undefined // Made for the first call that needs it: most answers have none.
  return (event) => {
    switch (event.type) {
      case 'tool_call': {
        const released = release(held, ({ text }) => isJsonObject(parseJson(text)))
        if (event.kind !== undefined) return [...released, raiseNames(event, origins)]
        const origin = origins.get(event.name)
        if (origin === undefined || (origin.kind === 'function' && origin.name === event.name)) {
          return [...released, event]
        }
        if (origin.kind !== 'function') (held ??= new Map()).set(event.callId, { kind: origin.kind, text: '' })
        return [...released, { ...event, ...origin }]
      }
      case 'tool_arguments': {
        const call = held?.get(event.callId)
        if (call === undefined) return [event]
        call.text += event.delta
        return []
      }
      default:
        if ('text' in event && event.text === '') return []
        return held === undefined || held.size === 0 ? [event] : [...release(held, () => true), event]
    }
  }
}

/** Of a tool that the provider was offered as it is, the names alone may have been changed. */
function raiseNames(event: ToolCallEvent, origins: LoweredTools['origins']): ModelEvent {
  const origin = origins.get(loweredName(event.name, event.namespace))
  if (origin === undefined) return event
  const { name, namespace } = origin
  return { ...event, name, ...(namespace === undefined ? {} : { namespace }) }
}

function release(held: Map<string, HeldCall> | undefined, isDue: (call: HeldCall) => boolean): ModelEvent[] {
  const due = [...(held ?? [])].filter(([, call]) => isDue(call))
  for (const [callId] of due) held?.delete(callId)
  return due.map(([callId, call]) => ({ type: 'tool_arguments', callId, delta: wholeInput(call) }))
}

function wholeInput({ kind, text }: HeldCall): string {
  if (kind === 'tool_search') return text.trim() === '' ? '{}' : text
  const value = parseJson(text)
  const input = isJsonObject(value) ? value[CUSTOM_INPUT] : undefined
  return typeof input === 'string' ? input : text
}
