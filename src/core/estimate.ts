import type { JsonObject } from '../protocol/json.ts'
import type { OutputItem, OutputNativeItem } from '../protocol/output-item.ts'
import type { Response } from '../protocol/response.ts'
import type { Usage } from '../protocol/usage.ts'
import type { HistoryItem, ModelCall } from './model-call.ts'

/** Bytes of English text per token, a common rule of thumb; used only where nobody counted. */
const CHARS_PER_TOKEN = 4

/** What a provider adds around each message: role and separators. */
const TOKENS_PER_ITEM = 4

/** An image costs about this much at most providers' default detail. */
const TOKENS_PER_IMAGE = 800

/** Roughly how many tokens a text is: exact counts differ by model and are the provider's to give. */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length / CHARS_PER_TOKEN)
}

/** Roughly how many tokens an entry of the history takes. */
export function estimateItem(item: HistoryItem): number {
  switch (item.type) {
    case 'message': {
      const parts = item.parts.map((part) => {
        if (part.type === 'input_text' || part.type === 'output_text') return estimateTokens(part.text)
        if (part.type === 'refusal') return estimateTokens(part.refusal)
        return part.type === 'input_image' ? TOKENS_PER_IMAGE : estimateTokens(part.file_data ?? '')
      })
      return TOKENS_PER_ITEM + sum(parts)
    }
    case 'function_call':
      return TOKENS_PER_ITEM + estimateTokens(item.name) + estimateTokens(item.arguments)
    case 'function_call_output':
      return (
        TOKENS_PER_ITEM + estimateTokens(typeof item.output === 'string' ? item.output : JSON.stringify(item.output))
      )
    case 'reasoning':
      return estimateTokens(item.text)
    case 'native':
      return estimateNative(item.item)
  }
}

/** Roughly how many tokens the fixed part of a call takes: instructions, tools, the schema of its format. */
export function estimateFrame(call: Pick<ModelCall, 'instructions' | 'tools' | 'format'>): number {
  const { instructions = '', format } = call
  const tools = call.tools.map(({ name, description, parameters, strict }) => ({
    name,
    description,
    parameters,
    strict,
  }))
  const offered = tools.length === 0 ? '' : JSON.stringify(tools)
  const schema = format.type === 'json_schema' ? JSON.stringify(format.schema) : ''
  return sum([instructions, offered, schema].map(estimateTokens))
}

/** What the usage of a call is estimated from. Its history, which may be long, is but a number in it. */
export interface CallSize extends Pick<ModelCall, 'instructions' | 'tools' | 'format'> {
  readonly historyTokens: number
}

/** Measures a call, so that the call itself need not be kept until its answer has come. */
export function sizeOfCall({ instructions, tools, format, history }: ModelCall): CallSize {
  return { instructions, tools, format, historyTokens: sum(history.map(estimateItem)) }
}

/** Usage where the provider reported none: flagged in the log by the engine. Items may still be open. */
export function estimateUsage(call: CallSize, response: Response): Usage {
  const input = estimateFrame(call) + call.historyTokens
  const output = sum(response.output.map(estimateOutput))
  const reasoning = sum(response.output.filter(({ type }) => type === 'reasoning').map(estimateOutput))
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  }
}

function estimateOutput(item: OutputItem): number {
  switch (item.type) {
    case 'message':
      return sum(item.content.map((part) => estimateTokens(part.type === 'output_text' ? part.text : part.refusal)))
    case 'reasoning':
      return estimateTokens(item.summary.map((part) => part.text).join(''))
    case 'function_call':
      return estimateTokens(item.arguments)
    case 'custom_tool_call':
      return estimateTokens(item.input)
    case 'tool_search_call':
      return estimateTokens(JSON.stringify(item.arguments ?? null))
    default:
      return estimateNative(item)
  }
}

function estimateNative(item: OutputNativeItem | JsonObject): number {
  return item['type'] === 'image_generation_call' ? TOKENS_PER_IMAGE : estimateTokens(JSON.stringify(item))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
