import type { CallableTool, HistoryItem, ModelCall } from '../../core/model-call.ts'
import type { JsonObject } from '../../protocol/json.ts'
import type { TextFormat } from '../../protocol/text-format.ts'
import { given } from '../given.ts'
import { buildContents } from './contents.ts'
import { isFromThree, thinkingConfig } from './models.ts'
import { TIER_HEADER, type DialectName } from './tables.ts'

/** A body for generateContent, its headers, and what had to be changed in it. */
export interface GeminiRequest {
  readonly body: JsonObject
  readonly headers: Readonly<Record<string, string>>
  readonly warnings: readonly string[]
}

/**
 * Translates a call that holds nothing that Google lacks. Deterministic and append-only: the same beginning of a
 * thread gives the same beginning of the contents, so that the provider's prompt cache holds.
 */
export function buildGeminiRequest(call: ModelCall, dialect: DialectName): GeminiRequest {
  const fromThree = isFromThree(call.model)
  const { system, contents } = buildContents(call.history, fromThree)
  const thinking = thinkingConfig(call.model, { effort: call.effort, showsThoughts: call.summary !== undefined })
  const texts = [...(call.instructions === undefined ? [] : [call.instructions]), ...system]
  const isVertex = dialect === 'vertex'
  const body: JsonObject = {
    ...given('systemInstruction', texts.length === 0 ? undefined : { parts: texts.map((text) => ({ text })) }),
    contents: contents.length === 0 ? [SILENCE] : contents,
    ...buildTools(call),
    ...filled('generationConfig', { ...settings(call), ...filled('thinkingConfig', thinking.wire) }),
    ...given('serviceTier', isVertex ? undefined : TIER[call.serviceTier ?? 'auto']),
  }
  const tier = isVertex ? VERTEX_TIER[call.serviceTier ?? 'auto'] : undefined
  return {
    body,
    headers: tier === undefined ? {} : { [TIER_HEADER]: tier },
    warnings: [...thinking.warnings, ...(fromThree ? [] : detailWarning(call.history))],
  }
}

/** Where the system alone has spoken: Google wants a user. */
const SILENCE: JsonObject = { role: 'user', parts: [{ text: '(The user said nothing.)' }] }

const TIER: Readonly<Record<string, string>> = { default: 'standard', flex: 'flex', priority: 'priority' }
const VERTEX_TIER: Readonly<Record<string, string>> = { flex: 'flex', priority: 'priority' }

function filled(field: string, value: JsonObject): JsonObject {
  return Object.keys(value).length === 0 ? {} : { [field]: value }
}

function settings(call: ModelCall): JsonObject {
  return {
    ...given('maxOutputTokens', call.maxOutputTokens),
    ...given('temperature', call.temperature),
    ...given('topP', call.topP),
    ...given('presencePenalty', call.presencePenalty),
    ...given('frequencyPenalty', call.frequencyPenalty),
    ...given('seed', call.seed),
    ...given('responseLogprobs', call.topLogprobs === undefined ? undefined : true),
    ...given('logprobs', call.topLogprobs || undefined),
    ...buildFormat(call.format),
  }
}

function buildFormat(format: TextFormat): JsonObject {
  if (format.type === 'text') return {}
  const schema = format.type === 'json_schema' ? (format.schema as JsonObject) : undefined // Schemas come from JSON.
  return { responseMimeType: 'application/json', ...given('responseJsonSchema', schema) }
}

/** A choice without tools is an error: neither is sent. */
function buildTools(call: ModelCall): JsonObject {
  if (call.tools.length === 0) return {}
  const config = callingConfig(call)
  return {
    tools: [{ functionDeclarations: (allToolsOf(call) ?? call.tools).map(declaration) }],
    ...given('toolConfig', config === undefined ? undefined : { functionCallingConfig: config }),
  }
}

/** Where a call of some tools alone is a must, Google itself keeps to them, and its cache of the list holds. */
function allToolsOf({ toolChoice, allTools }: ModelCall): readonly CallableTool[] | undefined {
  return toolChoice === 'required' ? allTools : undefined
}

function declaration({ name, description, parameters }: CallableTool): JsonObject {
  return {
    name,
    ...given('description', description),
    // Parameters come from JSON.
    ...given('parametersJsonSchema', parameters as JsonObject | undefined),
  }
}

/** Arguments are kept to their schema where a call is a must, and where a tool that is free to be called is strict. */
function callingConfig(call: ModelCall): JsonObject | undefined {
  const { toolChoice, tools } = call
  if (typeof toolChoice === 'object') return { mode: 'ANY', allowedFunctionNames: [toolChoice.name] }
  if (toolChoice === 'required') {
    const isSome = allToolsOf(call) !== undefined
    return { mode: 'ANY', ...given('allowedFunctionNames', isSome ? tools.map(({ name }) => name) : undefined) }
  }
  if (toolChoice === 'none') return { mode: 'NONE' }
  if (tools.some(({ strict }) => strict === true)) return { mode: 'VALIDATED' }
  return toolChoice === undefined ? undefined : { mode: 'AUTO' }
}

function detailWarning(history: readonly HistoryItem[]): readonly string[] {
  const hasDetail = history.some(
    (item) =>
      item.type === 'message' &&
      item.role !== 'assistant' &&
      item.parts.some((part) => part.type === 'input_image' && part.detail != null && part.detail !== 'auto'),
  )
  return hasDetail ? ['the detail of images was left out: the model does not take it'] : []
}
