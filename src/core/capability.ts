import { badRequest } from '../protocol/error.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import type { UserPart } from '../protocol/input-item.ts'
import { leaveOutEarlier } from './earlier-content.ts'
import type { HistoryItem } from './model-call.ts'

/** What an input may be made of. */
export type Modality = 'text' | 'image' | 'file'

/** What is known of a model; undefined where nobody said, and then the provider decides. */
export interface ModelTraits {
  readonly streaming: boolean
  /** A reasoning model takes no sampling parameters. */
  readonly reasoning: boolean | undefined
  readonly input: readonly Modality[] | undefined
  /** Tokens, input and output together. */
  readonly contextWindow: number | undefined
  readonly maxOutputTokens: number | undefined
}

const DEEP_RESEARCH = /-deep-research/
const TEE_MODEL = /^TEE\//
const OPENAI_REASONING = /^(?:o[134]|gpt-5)(?:-(?!.*chat)|$)/

/**
 * What model names of the field tell by themselves: OpenAI's o-series and GPT-5 reason, and models that run in trusted
 * hardware (`TEE/…`) cannot stream. From GPT-5.1 on a model reasons only where it is asked to, and takes sampling
 * parameters where it is not: the provider knows.
 *
 * @see https://github.com/vercel/ai/issues/10932 (read 2026-11-22)
 */
export function traitsOf(model: string): ModelTraits {
  return {
    streaming: !TEE_MODEL.test(model),
    reasoning: OPENAI_REASONING.test(model) ? true : undefined,
    input: undefined,
    contextWindow: undefined,
    maxOutputTokens: undefined,
  }
}

/**
 * Refuses models that no provider can be asked for.
 *
 * @throws {ApiError} 400 `model_not_supported`.
 */
export function checkSupported(model: string): void {
  if (!DEEP_RESEARCH.test(model)) return
  throw badRequest(
    'model_not_supported',
    'model',
    `Deep research models such as ${model.slice(0, 64)} are not supported.`,
  )
}

/**
 * Refuses what the model is known not to do.
 *
 * @throws {ApiError} 400 with the parameter to change.
 */
export function checkCapability(request: CreateRequest, traits: ModelTraits): void {
  if (request.stream === true && !traits.streaming) {
    throw badRequest(
      'streaming_not_supported',
      'stream',
      `${request.model} cannot stream here. Send stream: false, or use /v1/chat/completions.`,
    )
  }
  if (traits.reasoning !== true) return
  for (const param of ['temperature', 'top_p'] as const) {
    if (request[param] == null) continue
    throw badRequest(
      'unsupported_parameter',
      param,
      `Unsupported parameter: '${param}' is not supported with this model.`,
    )
  }
}

/**
 * Brings a history to the kinds of content that a model is known to read: others are left out where they have been
 * answered before, with a warning.
 *
 * @throws {ApiError} 400, code `unsupported_input`: what has not been answered yet must not be left out.
 */
export function fitModalities(history: readonly HistoryItem[], { input: readable }: ModelTraits): FittedHistory {
  if (readable === undefined) return { history, warnings: [] }
  const lacks = ({ type }: UserPart) => MODALITIES.some(([part, kind]) => part === type && !readable.includes(kind))
  const fitted = leaveOutEarlier(history, lacks)
  const parts = fitted.history.flatMap((item) => {
    if (item.type === 'message' && item.role !== 'assistant') return item.parts
    return item.type === 'function_call_output' && typeof item.output !== 'string' ? item.output : []
  })
  const unread = parts.find(lacks)
  if (unread !== undefined) {
    throw badRequest(
      'unsupported_input',
      'input',
      `This model reads ${readable.join(' and ')} only, but the input has ${unread.type} parts.`,
    )
  }
  const warnings = ['images and files of earlier turns were left out: the model does not read them']
  return { history: fitted.history, warnings: fitted.count === 0 ? [] : warnings }
}

/** A history that a model can read, and what it is without. */
export interface FittedHistory {
  readonly history: readonly HistoryItem[]
  readonly warnings: readonly string[]
}

const MODALITIES = [
  ['input_image', 'image'],
  ['input_file', 'file'],
] as const
