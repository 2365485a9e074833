import type { HistoryItem, ModelCall } from '../../core/model-call.ts'
import { modelCall as callWith } from '../../core/testing/model-call.ts'

/** A call with one message and nothing else set. */
export function modelCall(fields: Partial<ModelCall> = {}): ModelCall {
  return callWith([user('Hi')], { callIdPrefix: 'call_made_', model: 'some-model', ...fields })
}

/** A message of the user. */
export function user(text: string): HistoryItem {
  return { type: 'message', role: 'user', parts: [{ type: 'input_text', text }] }
}

/** Something the assistant said. */
export function assistant(text: string): HistoryItem {
  return { type: 'message', role: 'assistant', parts: [{ type: 'output_text', text }] }
}

/** A call of a tool. */
export function functionCall(callId: string, name: string, args = '{}'): HistoryItem {
  return { type: 'function_call', callId, name, arguments: args }
}

/** What a tool returned. */
export function functionOutput(callId: string, output: string): HistoryItem {
  return { type: 'function_call_output', callId, output }
}
