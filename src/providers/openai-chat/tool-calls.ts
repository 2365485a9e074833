import type { ModelEvent } from '../../core/model-event.ts'
import { isJsonObject, parseJson, type JsonValue } from '../../protocol/json.ts'
import { argumentsText } from '../call-arguments.ts'
import { textIn } from '../loose.ts'
import type { WireToolCall } from './wire.ts'

/** Tells which call a fragment belongs to. */
export interface CallTracker {
  read(fragment: WireToolCall): ModelEvent[]
}

interface OpenCall {
  readonly callId: string
  /** The id as the provider sent it; empty where it sent none. */
  readonly wireId: string
  arguments: string
}

/**
 * Tracks the calls of one answer. A fragment goes on with the call at its index; without one, with the
 * call of its id, or the last. It begins another where it brings a name with a new id, or a name after
 * arguments that were whole already. Calls without an id of their own get one.
 *
 * @param idPrefix Begins made-up ids: the same for the same response.
 */
export function createCallTracker(idPrefix: string): CallTracker {
  return new Tracker(idPrefix)
}

class Tracker implements CallTracker {
  readonly #idPrefix: string
  readonly #byIndex = new Map<number, OpenCall>()
  readonly #byId = new Map<string, OpenCall>()
  #last: OpenCall | undefined

  constructor(idPrefix: string) {
    this.#idPrefix = idPrefix
  }

  read(fragment: WireToolCall): ModelEvent[] {
    const index = typeof fragment.index === 'number' && fragment.index >= 0 ? fragment.index : undefined
    const wireId = textIn(fragment.id)
    const name = textIn(fragment.function?.name)
    const current = index === undefined ? (this.#byId.get(wireId) ?? this.#last) : this.#byIndex.get(index)
    const goesOn = current !== undefined && continues(current, wireId, name)
    if (!goesOn && name === '') return []
    const call = goesOn ? current : this.#begin(wireId)
    if (index !== undefined) this.#byIndex.set(index, call)
    this.#last = call
    const delta = argumentsText(fragment.function?.arguments)
    call.arguments += delta
    const opening: ModelEvent[] = goesOn
      ? []
      : [...signatureOf(fragment, call.callId), { type: 'tool_call', callId: call.callId, name }]
    return delta === '' ? opening : [...opening, { type: 'tool_arguments', callId: call.callId, delta }]
  }

  #begin(wireId: string): OpenCall {
    const callId = wireId !== '' && !this.#byId.has(wireId) ? wireId : `${this.#idPrefix}${this.#byId.size}`
    const call = { callId, wireId, arguments: '' }
    this.#byId.set(callId, call)
    return call
  }
}

function continues(current: OpenCall, wireId: string, name: string): boolean {
  if (name === '') return true // Older vLLM gives every fragment an id of its own.
  return wireId === '' ? !isJsonObject(parseJson(current.arguments)) : wireId === current.wireId
}

/** Google signs calls: the signature must come back with the same call. */
function signatureOf(fragment: WireToolCall, callId: string): ModelEvent[] {
  if (fragment.extra_content == null) return []
  // The fragment comes from JSON.
  return [{ type: 'reasoning_state', state: { call_id: callId, extra_content: fragment.extra_content as JsonValue } }]
}
