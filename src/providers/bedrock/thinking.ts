import type { Message } from '@aws-sdk/client-bedrock-runtime'
import type { ModelCall } from '../../core/model-call.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { buildSampling } from '../anthropic/sampling.ts'
import { buildThinking as buildClaudeThinking } from '../anthropic/thinking.ts'
import { clampEffort } from '../effort.ts'
import { given } from '../given.ts'
import type { ModelFacts } from './models.ts'
import { isForced } from './tools.ts'

/** How hard to think, and what goes with it: some settings exclude each other. */
export interface Inference {
  /** For `inferenceConfig`. */
  readonly config: { readonly maxTokens?: number; readonly temperature?: number; readonly topP?: number }
  /** For `additionalModelRequestFields`. */
  readonly additional: JsonObject
  readonly warnings: readonly string[]
}

/**
 * Limits, sampling and thinking.
 *
 * @throws {ApiError} 400 `unsupported_parameter` for sampling that a Claude would refuse.
 */
export function buildInference(call: ModelCall, facts: ModelFacts, messages: readonly Message[]): Inference {
  if (facts.claude !== undefined) return forClaude(call, facts.claude, messages)
  const { maxOutputTokens: maxTokens, temperature, topP } = call
  const config = { ...given('maxTokens', maxTokens), ...given('temperature', temperature), ...given('topP', topP) }
  if (call.effort === undefined) return { config, additional: {}, warnings: [] }
  if (facts.effort === undefined) {
    const warnings = ['reasoning.effort was left out: the model does not take it, or its name does not say which it is']
    return { config, additional: {}, warnings }
  }
  const { effort, warnings } = clampEffort(call.effort, facts.efforts)
  if (effort === undefined) return { config, additional: {}, warnings }
  if (facts.effort === 'reasoningConfig') return forNova(effort, config, warnings)
  const additional = facts.effort === 'reasoning' ? { reasoning: { effort } } : { reasoning_effort: effort }
  return { config, additional, warnings }
}

type Effort = NonNullable<ModelCall['effort']>

/**
 * Nova 2 at its highest effort takes no limit of tokens and no sampling.
 *
 * @see https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html (read 2026-11-22)
 */
function forNova(wanted: Effort, config: Inference['config'], clamped: readonly string[]): Inference {
  if (wanted === 'none') return { config, additional: {}, warnings: clamped }
  const isLimited = Object.keys(config).length > 0
  const effort = wanted === 'high' && isLimited ? 'medium' : wanted
  const lowered =
    'reasoning.effort high was sent as medium: beside max_output_tokens, temperature or top_p the model takes no more'
  return {
    config,
    additional: { reasoningConfig: { type: 'enabled', maxReasoningEffort: effort } },
    warnings: effort === wanted ? clamped : [...clamped, lowered],
  }
}

/** Claude thinks in its own words, wherever it runs. */
function forClaude(
  call: ModelCall,
  claude: NonNullable<ModelFacts['claude']>,
  messages: readonly Message[],
): Inference {
  const context = {
    facts: claude,
    maxTokens: call.maxOutputTokens ?? claude.maxTokens,
    isForced: isForced(call),
    replaysBound: false,
  }
  const asked = buildClaudeThinking(call, context)
  const isUnfit = asked.thinking?.['type'] === 'enabled' && lacksThinking(messages)
  const unfit = 'reasoning.effort was left out: the model goes on with calls that it did not think about'
  const { thinking, effort, warnings } = isUnfit ? { warnings: [unfit] } : asked
  const isThinking = thinking?.['type'] === 'enabled' || effort !== undefined
  const { fields, warnings: left } = buildSampling(call, claude, isThinking)
  return {
    config: {
      ...given('maxTokens', call.maxOutputTokens),
      ...given('temperature', fields['temperature']),
      ...given('topP', fields['top_p']),
    },
    additional: {
      ...given('thinking', thinking),
      ...given('output_config', effort === undefined ? undefined : { effort }),
    },
    warnings: [...warnings, ...left],
  }
}

/** Whether the results that come last are of calls without thinking: a model that is given a budget refuses that. */
function lacksThinking(messages: readonly Message[]): boolean {
  const hasResults = messages.at(-1)?.content?.some(({ toolResult }) => toolResult !== undefined) === true
  return hasResults && messages.at(-2)?.content?.[0]?.reasoningContent === undefined
}
