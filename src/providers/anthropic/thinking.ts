import type { ModelCall } from '../../core/model-call.ts'
import type { ReasoningEffort } from '../../protocol/create-request.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { clampEffort } from '../effort.ts'
import type { ModelFacts } from './models.ts'

/** How a model is made to think. */
export interface Thinking {
  /** The field of that name. */
  readonly thinking?: JsonObject
  /** For `output_config`. */
  readonly effort?: ReasoningEffort
  readonly warnings: readonly string[]
}

/** What decides it, beside the call. */
export interface ThinkingContext {
  readonly facts: ModelFacts
  readonly maxTokens: number
  /** Whether a tool must be called. */
  readonly isForced: boolean
  /** Whether thinking of earlier turns is sent that must fit what stands before it. */
  readonly replaysBound: boolean
}

/**
 * Tokens to think in, for models that want a number; the wire's least is that of `minimal`.
 *
 * @see https://platform.claude.com/docs/en/build-with-claude/extended-thinking (read 2026-11-22)
 */
const BUDGETS: Readonly<Record<Exclude<ReasoningEffort, 'none'>, number>> = {
  minimal: 1024,
  low: 4096,
  medium: 12_288,
  high: 24_576,
  xhigh: 32_768,
  max: Infinity,
}

/** How much of all tokens may be spent on thinking: the rest is for the answer. */
const BUDGET_SHARE_MAX = 0.8

/** Instructions and tools may change from turn to turn: thinking that does not fit them is dropped, no error. */
const DROPS_UNFIT = { block_binding: { prefix_mismatch_behavior: 'drop_block' } } as const

/**
 * Effort as a model knows it: a budget of tokens before Claude 4.6, a word since.
 *
 * @see https://platform.claude.com/docs/en/build-with-claude/effort (read 2026-11-22)
 */
export function buildThinking(call: Pick<ModelCall, 'effort' | 'summary'>, context: ThinkingContext): Thinking {
  const asked = askForThinking(call, context)
  const type = asked.thinking?.['type'] ?? 'adaptive'
  if (!context.replaysBound || type !== 'adaptive') return asked
  return { ...asked, thinking: { type, ...asked.thinking, ...DROPS_UNFIT } }
}

function askForThinking(
  { effort, summary }: Pick<ModelCall, 'effort' | 'summary'>,
  context: ThinkingContext,
): Thinking {
  const { facts } = context
  if (effort === undefined) {
    const showsMore = summary !== undefined && facts.hidesThinking && facts.off !== undefined
    return { ...(showsMore ? { thinking: adaptive(facts) } : {}), warnings: [] }
  }
  if (effort === 'none') return withoutThinking(facts)
  if (facts.thinking === 'none') {
    return { warnings: ['reasoning.effort was left out: the model does not think before it answers'] }
  }
  if (facts.thinking === 'budget') return withBudget(effort, context)
  const { effort: known, warnings } = clampEffort(effort, facts.efforts)
  return { thinking: adaptive(facts), ...(known === undefined ? {} : { effort: known }), warnings }
}

function adaptive({ hidesThinking }: ModelFacts): JsonObject {
  return { type: 'adaptive', ...(hidesThinking ? { display: 'summarized' } : {}) }
}

function withoutThinking(facts: ModelFacts): Thinking {
  switch (facts.off) {
    case undefined:
      return { warnings: [] }
    case 'disabled':
      return { thinking: { type: 'disabled' }, warnings: [] }
    case 'between_tools':
      return {
        thinking: { type: 'between_tools' },
        warnings: [
          'reasoning.effort none was sent as between_tools: the model thinks between calls of tools all the same',
        ],
      }
    default:
      return {
        thinking: adaptive(facts),
        effort: 'low',
        warnings: ['reasoning.effort none was sent as low: the model always thinks'],
      }
  }
}

function withBudget(effort: Exclude<ReasoningEffort, 'none'>, { isForced, maxTokens }: ThinkingContext): Thinking {
  if (isForced) {
    return { warnings: ['reasoning.effort was left out: the model does not think where it must call a tool'] }
  }
  const budget = Math.min(BUDGETS[effort], Math.floor(maxTokens * BUDGET_SHARE_MAX))
  if (budget < BUDGETS.minimal) {
    return { warnings: ['reasoning.effort was left out: max_output_tokens leaves too few tokens to think in'] }
  }
  return { thinking: { type: 'enabled', budget_tokens: budget }, warnings: [] }
}
