import type { ModelCall } from '../../core/model-call.ts'
import { badRequest } from '../../protocol/error.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { given } from '../given.ts'
import { buildThread } from './messages.ts'
import { factsOf } from './models.ts'
import { buildSampling } from './sampling.ts'
import { enforce } from './schema.ts'
import { SERVICE_TIER, VERTEX_VERSION, type Dialect } from './tables.ts'
import { buildThinking } from './thinking.ts'
import { buildTools, isForced, leftWarning } from './tools.ts'

/** A body for POST /messages, and what had to be changed in it. */
export interface MessagesRequest {
  readonly body: JsonObject
  /** Whether the body says what becomes of thinking that does not fit: only a beta of the wire knows that. */
  readonly usesBinding: boolean
  readonly warnings: readonly string[]
}

/**
 * Translates a call that holds nothing that the dialect lacks. Deterministic and append-only: the same beginning of
 * a thread gives the same beginning of the messages, so that the provider's prompt cache holds, and thinking stays of
 * use.
 *
 * @throws {ApiError} 400 for what the model would refuse.
 */
export function buildMessagesRequest(call: ModelCall, dialect: Dialect): MessagesRequest {
  const { takes, isVertex } = dialect
  const facts = factsOf(call.model)
  const maxTokens = call.maxOutputTokens ?? facts.maxTokens
  const thread = buildThread(call.history)
  const replaysBound = thread.hasThinking && facts.bindsThinking && takes.has('binding')
  const thinking = buildThinking(call, { facts, maxTokens, isForced: isForced(call), replaysBound })
  const isThinking = thinking.thinking?.['type'] === 'enabled' || thinking.effort !== undefined
  const sampling = buildSampling(call, facts, isThinking)
  const tools = buildTools(call, facts, dialect)
  const format = buildFormat(call, dialect)
  const who = buildUser(call)
  const tier = buildTier(call.serviceTier)
  const system = [...instructionsOf(call), ...thread.system, ...format.system].map(textBlock)
  const output = { ...given('effort', thinking.effort), ...given('format', format.format) }
  const body: JsonObject = {
    ...(isVertex ? { anthropic_version: VERTEX_VERSION } : { model: call.model }),
    max_tokens: maxTokens,
    ...(system.length === 0 ? {} : { system }),
    messages: withNote(thread.messages, tools.note),
    ...tools.fields,
    ...given('thinking', thinking.thinking),
    ...(Object.keys(output).length === 0 ? {} : { output_config: output }),
    ...sampling.fields,
    ...who.fields,
    ...tier.fields,
    ...given('cache_control', call.promptCacheKey === undefined ? undefined : { type: 'ephemeral' }),
    ...(call.canStream ? { stream: true } : {}),
  }
  const parts = [thinking, sampling, tools, format, who, tier]
  return {
    body,
    usesBinding: thinking.thinking?.['block_binding'] !== undefined,
    warnings: parts.flatMap(({ warnings }) => warnings),
  }
}

function instructionsOf({ instructions = '' }: ModelCall): string[] {
  return instructions.trim() === '' ? [] : [instructions]
}

function textBlock(text: string): JsonObject {
  return { type: 'text', text }
}

/** A word of the system behind the last turn of the user: nothing before it changes. */
function withNote(messages: readonly JsonObject[], note: string | undefined): readonly JsonObject[] {
  const last = messages.at(-1)
  if (note === undefined || last?.['role'] !== 'user') return messages
  const content = [...(last['content'] as JsonObject[]), textBlock(`<system>\n${note}\n</system>`)] // Made of blocks.
  return [...messages.slice(0, -1), { ...last, content }]
}

interface Part {
  readonly warnings: readonly string[]
}

interface Format extends Part {
  readonly format?: JsonObject
  readonly system: readonly string[]
}

const JSON_ALONE = 'Answer with one JSON object and nothing else: no words around it, no code fence.'

function buildFormat({ format }: ModelCall, { takes }: Dialect): Format {
  if (format.type === 'text') return { system: [], warnings: [] }
  if (format.type === 'json_object') {
    const warnings = ['text.format json_object was sent as an instruction: the provider has no such format']
    return { system: [JSON_ALONE], warnings }
  }
  if (!takes.has('schemas')) {
    const message =
      'This provider has no json_schema format: use json_object and describe the shape in the instructions.'
    throw badRequest('unsupported_parameter', 'text.format', message)
  }
  const { schema, left } = enforce(format.schema as JsonObject) // Schemas come from JSON.
  return { format: { type: 'json_schema', schema }, system: [], warnings: leftWarning('text.format', left) }
}

/** Who the user is: the wire has one place for it. */
function buildUser({ user, safetyIdentifier }: ModelCall): Part & { readonly fields: JsonObject } {
  const id = safetyIdentifier ?? user
  const isLeft = user !== undefined && safetyIdentifier !== undefined && user !== safetyIdentifier
  return {
    fields: given('metadata', id === undefined ? undefined : { user_id: id }),
    warnings: isLeft ? ['user was left out: safety_identifier stands in its place'] : [],
  }
}

function buildTier(tier: string | undefined): Part & { readonly fields: JsonObject } {
  if (tier === undefined) return { fields: {}, warnings: [] }
  const wire = SERVICE_TIER.get(tier)
  if (wire === undefined) return { fields: {}, warnings: [`service_tier ${tier} was left out: the provider has none`] }
  const isOther = tier === 'priority'
  return {
    fields: { service_tier: wire },
    warnings: isOther ? ['service_tier priority was sent as auto: the provider gives it where it was paid for'] : [],
  }
}
