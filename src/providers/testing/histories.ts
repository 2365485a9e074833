import * as fc from 'fast-check'
import type { HistoryItem } from '../../core/model-call.ts'
import { assistant, functionCall, functionOutput, user } from './model-call.ts'

/** What the system says. */
export function system(text: string): HistoryItem {
  return { type: 'message', role: 'system', parts: [{ type: 'input_text', text }] }
}

/** Steps of a thread: a call comes with its result, at once or later. */
export const step = fc.oneof(
  fc.string({ maxLength: 3 }).map((text) => [user(text)]),
  fc.string({ maxLength: 3 }).map((text) => [assistant(text)]),
  fc.string({ maxLength: 3 }).map((text) => [system(text)]),
  fc.constant([{ type: 'reasoning', text: 'hm', state: undefined } as const]),
  fc.constantFrom('1', '2').map((id) => [functionCall(id, 'f'), functionOutput(id, `of ${id}`)]),
  fc
    .constantFrom('a', 'b')
    .map((id) => [
      functionCall(id, 'f'),
      functionCall(`${id}2`, 'g'),
      functionOutput(`${id}2`, '2'),
      user('wait'),
      functionOutput(id, '1'),
    ]),
)
/** Whole threads. */
export const histories = fc.array(step, { maxLength: 12 }).map((steps) => steps.flat())
