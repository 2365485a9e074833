import type { HistoryItem, ModelCall } from '../model-call.ts'

/** A call to a model with a history, and nothing else asked for. */
export function modelCall(history: readonly HistoryItem[], settings: Partial<ModelCall> = {}): ModelCall {
  return {
    callIdPrefix: 'call_test',
    model: 'demo',
    instructions: undefined,
    history,
    tools: [],
    toolChoice: undefined,
    parallelToolCalls: undefined,
    maxOutputTokens: undefined,
    temperature: undefined,
    topP: undefined,
    presencePenalty: undefined,
    frequencyPenalty: undefined,
    seed: undefined,
    topLogprobs: undefined,
    format: { type: 'text' },
    verbosity: undefined,
    effort: undefined,
    user: undefined,
    safetyIdentifier: undefined,
    promptCacheKey: undefined,
    serviceTier: undefined,
    metadata: undefined,
    canStream: true,
    ...settings,
  }
}
