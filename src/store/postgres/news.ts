import { parseResponseId, type ResponseId } from '../../protocol/id.ts'

/** Something that other processes may wait for. */
export type Change = ResponseId | 'queue'

/** Where all processes of one database hear of each other. */
export const CHANNEL = 'antiphon'

/** PostgreSQL takes 8,000 bytes at most. */
const WORDS_MAX = 7900

/** What one process tells others, and understands of what they tell. */
export class News {
  readonly #sender: string

  /** @param sender This process: what it says itself is no news to it. Without spaces. */
  constructor(sender: string) {
    this.#sender = sender
  }

  /** The channel, and what is to be said there: two parameters of a statement. */
  words(changes: readonly Change[]): [string, string[]] {
    const messages: string[] = []
    let message = ''
    for (const change of new Set(changes)) {
      if (message.length + change.length + 1 > WORDS_MAX) {
        messages.push(message)
        message = ''
      }
      message += message === '' ? `${this.#sender} ${change}` : ` ${change}`
    }
    return [CHANNEL, message === '' ? messages : [...messages, message]]
  }

  /** What somebody else has said; nothing of our own. */
  understand(message: string): readonly Change[] {
    const [sender, ...changes] = message.split(' ')
    if (sender === this.#sender) return []
    return changes.flatMap((change) => (change === 'queue' ? change : (parseResponseId(change) ?? [])))
  }
}
