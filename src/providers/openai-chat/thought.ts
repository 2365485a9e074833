import type { ModelEvent } from '../../core/model-event.ts'
import { isJsonObject } from '../../protocol/json.ts'

/**
 * What a provider thinks whose dialect wants its thinking back as text: no signature vouches for it, so the state says
 * whose it is.
 */
export class ChatThought {
  readonly #field: string
  #text = ''

  /** @param field Where the text stands in the next turn's message. */
  constructor(field: string) {
    this.#field = field
  }

  /** The same events, with the state where the thinking ends: before the first word after it, or with its signature. */
  note(events: ModelEvent[]): ModelEvent[] {
    if (this.#text === '' && !events.some(({ type }) => type === 'reasoning')) return events
    return events.flatMap((event) => this.#tell(event))
  }

  #tell(event: ModelEvent): ModelEvent[] {
    if (event.type === 'reasoning') {
      this.#text += event.text
      return [event]
    }
    if (this.#text === '') return [event]
    const thought = { [this.#field]: this.#text }
    this.#text = ''
    return event.type === 'reasoning_state' && isJsonObject(event.state)
      ? [{ ...event, state: { ...event.state, ...thought } }]
      : [{ type: 'reasoning_state', state: thought }, event]
  }
}
