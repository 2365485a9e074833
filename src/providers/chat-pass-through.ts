import type { ChatPassThrough } from './adapter.ts'
import { headerOf, readRefusal, type Wire } from './exchange.ts'
import { redactStream } from './redact-stream.ts'
import { postJson } from './upstream.ts'

/** Where a provider that speaks Chat Completions does so. */
export const CHAT_PATH = '/chat/completions'

/**
 * Passes on what a client asks of a provider that speaks Chat Completions, and what it answers, but for our secrets.
 *
 * @param query Follows the path.
 */
export function chatPassThrough(
  wire: Pick<Wire, 'transport' | 'endpoint' | 'paramNames'>,
  query = '',
): ChatPassThrough {
  const { transport, endpoint } = wire
  return {
    async send(body, signal) {
      const answer = await postJson(transport, endpoint, {
        path: CHAT_PATH + query,
        body: JSON.stringify(body),
        signal,
      })
      if (answer.status < 200 || answer.status > 299) throw await readRefusal(answer, wire, signal)
      const passed = redactStream(answer.body, endpoint.keys)
      return { status: answer.status, contentType: headerOf(answer, 'content-type'), body: passed }
    },
  }
}
