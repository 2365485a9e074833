import type { CallableTool, ModelCall } from '../core/model-call.ts'

/**
 * The tools that a thread has called, as what they are where a call offers none: history. Some providers refuse calls
 * in a thread beside which no tools are defined.
 */
export function pastTools({ history }: Pick<ModelCall, 'history'>): readonly CallableTool[] {
  const called = history.flatMap((item) => (item.type === 'function_call' ? [item.name] : []))
  return [...new Set(called)].map((name) => ({
    name,
    description: 'Not available any more. Never call it.',
    parameters: { type: 'object' },
    strict: undefined,
  }))
}

/** A call that offers no tools, with those of its thread, which may not be called; any other as it is. */
export function withPastTools(call: ModelCall): ModelCall {
  if (call.tools.length > 0) return call
  const tools = pastTools(call)
  return tools.length === 0 ? call : { ...call, tools, toolChoice: 'none' }
}
