import type { Tool, ToolChoice, ToolConfiguration } from '@aws-sdk/client-bedrock-runtime'
import type { CallableTool, ModelCall } from '../../core/model-call.ts'
import { isJsonObject, type JsonObject } from '../../protocol/json.ts'
import { DIALECTS as CLAUDE_DIALECTS } from '../anthropic/tables.ts'
import { buildTools as buildClaudeTools } from '../anthropic/tools.ts'
import { pastTools } from '../past-tools.ts'
import type { ModelFacts } from './models.ts'

/** Tools as they are offered, and the choice among them. */
export interface BuiltTools {
  readonly toolConfig?: ToolConfiguration
  /** For `additionalModelRequestFields`. */
  readonly additional: JsonObject
  readonly warnings: readonly string[]
}

const NOTHING: BuiltTools = { additional: {}, warnings: [] }

/**
 * Offers the tools of a call. Where none may be called they are not offered, unless the thread has calls in it: then
 * Converse wants tools, and has no way to forbid them.
 *
 * @see https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html (read 2026-11-22)
 */
export function buildTools(call: ModelCall, facts: ModelFacts): BuiltTools {
  const mayCall = call.tools.length > 0 && call.toolChoice !== 'none'
  if (!mayCall) return offerPast(call)
  const { tools, warnings } = facts.claude === undefined ? declare(call, facts) : declareForClaude(call, facts.claude)
  const caches = call.promptCacheKey !== undefined && facts.caches.includes('tools')
  const config: ToolConfiguration = { tools: caches ? [...tools, { cachePoint: { type: 'default' } }] : tools }
  const chosen = choose(call, facts)
  return {
    toolConfig: chosen.toolChoice === undefined ? config : { ...config, toolChoice: chosen.toolChoice },
    additional: chosen.additional,
    warnings: [...warnings, ...chosen.warnings],
  }
}

function offerPast(call: ModelCall): BuiltTools {
  const past = pastTools(call)
  if (past.length === 0) return NOTHING
  return {
    toolConfig: { tools: past.map(({ name, description }) => toolSpec({ name, description }, { type: 'object' })) },
    additional: {},
    warnings: [
      'the tools of earlier calls were offered again, marked as not available: the provider wants them beside the calls',
    ],
  }
}

function toolSpec(
  { name, description = '', strict }: { name: string; description?: string | undefined; strict?: boolean },
  schema: JsonObject,
): Tool {
  return {
    toolSpec: {
      name,
      ...(description.trim() === '' ? {} : { description }),
      inputSchema: { json: schema as ToolSchema }, // From JSON.
      ...(strict === true ? { strict } : {}),
    },
  }
}

/** JSON as the SDK knows it. */
type ToolSchema = NonNullable<NonNullable<NonNullable<Tool['toolSpec']>['inputSchema']>['json']>

interface Declared {
  readonly tools: Tool[]
  readonly warnings: readonly string[]
}

function declare({ tools }: ModelCall, { refusedKeywords }: ModelFacts): Declared {
  const strict = tools.filter((tool) => tool.strict === true).map(({ name }) => name)
  return {
    tools: tools.map((tool) => toolSpec({ ...tool, strict: false }, parametersOf(tool, refusedKeywords))),
    warnings:
      strict.length === 0
        ? []
        : [`strict was left out of ${strict.join(', ')}: the model does not enforce schemas of tools`],
  }
}

/** The top of a schema must be an object. */
function parametersOf({ parameters = {} }: CallableTool, refused: ReadonlySet<string>): JsonObject {
  const kept = Object.entries(parameters as JsonObject).filter(([keyword]) => !refused.has(keyword)) // From JSON.
  return { type: 'object', properties: {}, ...Object.fromEntries(kept) }
}

/** Claude is offered its tools as it is elsewhere: what of their schemas it enforces is known there. */
function declareForClaude(call: ModelCall, claude: NonNullable<ModelFacts['claude']>): Declared {
  const { fields, warnings } = buildClaudeTools({ ...call, toolChoice: undefined }, claude, CLAUDE_DIALECTS.anthropic)
  const declared = Array.isArray(fields['tools']) ? fields['tools'].filter(isJsonObject) : []
  const tools = call.tools.map(({ name, description }, index) => {
    const { input_schema: schema, strict } = declared[index] ?? {}
    return toolSpec({ name, description, strict: strict === true }, isJsonObject(schema) ? schema : {})
  })
  return { tools, warnings }
}

interface Chosen {
  readonly toolChoice?: ToolChoice
  readonly additional: JsonObject
  readonly warnings: readonly string[]
}

/** One call at a time is a word of Claude's own choice, which must then stand alone: the two are not merged. */
function choose(call: ModelCall, { claude }: ModelFacts): Chosen {
  const forced = isForced(call) && claude?.canBeForced === false
  const warnings = forced ? ['tool_choice was left out: the model cannot be made to call a tool'] : []
  const choice = forced ? undefined : call.toolChoice
  if (call.parallelToolCalls === false && claude !== undefined) {
    return { additional: { tool_choice: { ...claudeChoice(choice), disable_parallel_tool_use: true } }, warnings }
  }
  const dropped =
    call.parallelToolCalls === false ? ['parallel_tool_calls was left out: the model does not take it'] : []
  const toolChoice = choice === undefined ? {} : { toolChoice: converseChoice(choice) }
  return { ...toolChoice, additional: {}, warnings: [...warnings, ...dropped] }
}

/** Whether a call must be made, by word of the client. */
export function isForced({ tools, toolChoice }: Pick<ModelCall, 'tools' | 'toolChoice'>): boolean {
  return tools.length > 0 && (toolChoice === 'required' || typeof toolChoice === 'object')
}

type Choice = NonNullable<ModelCall['toolChoice']>

function claudeChoice(choice: Choice | undefined): JsonObject {
  if (typeof choice === 'object') return { type: 'tool', name: choice.name }
  return { type: choice === 'required' ? 'any' : 'auto' }
}

function converseChoice(choice: Choice): ToolChoice {
  if (typeof choice === 'object') return { tool: { name: choice.name } }
  return choice === 'required' ? { any: {} } : { auto: {} }
}
