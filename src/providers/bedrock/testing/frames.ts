import { crc32 } from 'node:zlib'
import type { JsonValue } from '../../../protocol/json.ts'
import type { WireAnswer } from '../../testing/conformance/suite.ts'

const TEXT = 7
const TRUE = 0

/** One frame of an AWS event stream: its headers as text or as a yes, its payload as it is. */
export function frame(headers: Readonly<Record<string, string | true>>, payload: string | Uint8Array): Buffer {
  const named = Object.entries(headers).map(([name, value]) => {
    if (value === true) return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([TRUE])])
    const length = Buffer.alloc(2)
    length.writeUInt16BE(Buffer.byteLength(value))
    return Buffer.concat([
      Buffer.from([name.length]),
      Buffer.from(name),
      Buffer.from([TEXT]),
      length,
      Buffer.from(value),
    ])
  })
  const head = Buffer.concat(named)
  const body = Buffer.from(payload)
  const prelude = Buffer.alloc(12)
  prelude.writeUInt32BE(prelude.length + head.length + body.length + 4)
  prelude.writeUInt32BE(head.length, 4)
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8)
  const message = Buffer.concat([prelude, head, body])
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(message))
  return Buffer.concat([message, check])
}

/** An event of ConverseStream, such as `messageStop`. */
export function event(type: string, body: JsonValue): Buffer {
  const headers = { ':event-type': type, ':content-type': 'application/json', ':message-type': 'event' }
  return frame(headers, JSON.stringify(body))
}

/** An exception that Bedrock knows, such as `throttlingException`, amid a stream. */
export function exception(type: string, message: string): Buffer {
  const headers = { ':exception-type': type, ':content-type': 'application/json', ':message-type': 'exception' }
  return frame(headers, JSON.stringify({ message }))
}

/** A failure that it does not know. */
export function unknownError(code: string, message: string): Buffer {
  return frame({ ':error-code': code, ':error-message': message, ':message-type': 'error' }, '')
}

/** An event with a piece of a block, as all of its kind: it has padding. */
export function delta(index: number, piece: JsonValue): Buffer {
  return event('contentBlockDelta', { contentBlockIndex: index, delta: piece, p: 'abcdefgh' })
}

/** The beginning of a call. */
export function callStart(index: number, call: { toolUseId: string; name: string; type?: string }): Buffer {
  return event('contentBlockStart', { contentBlockIndex: index, start: { toolUse: call } })
}

/** The end of a block. */
export function stop(index: number): Buffer {
  return event('contentBlockStop', { contentBlockIndex: index, p: 'ab' })
}

/** What most streams begin with. */
export const START = event('messageStart', { role: 'assistant', p: 'abcd' })

/** Why the model stopped, and what it has used. */
export function ending(stopReason = 'end_turn', usage: JsonValue = PLAIN_USAGE): Buffer[] {
  return [event('messageStop', { stopReason, p: 'abc' }), event('metadata', { metrics: { latencyMs: 7 }, usage })]
}

const PLAIN_USAGE = { inputTokens: 5, outputTokens: 3, totalTokens: 8 }

/** A stream of these frames. */
export function streamed(...pieces: readonly (string | Uint8Array)[]): WireAnswer {
  return { contentType: 'application/vnd.amazon.eventstream', pieces }
}

/** An answer in one piece with these blocks. */
export function whole(content: JsonValue, stopReason = 'end_turn'): WireAnswer {
  const body = { output: { message: { role: 'assistant', content } }, stopReason, usage: PLAIN_USAGE }
  return { contentType: 'application/json', pieces: [JSON.stringify(body)] }
}

/** An answer that is an error, named as AWS names it. */
export function refused(
  status: number,
  [type, message]: readonly [type: string, message: string],
  more: Readonly<Record<string, string>> = {},
): WireAnswer {
  const headers = { 'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/com.amazon.bedrock/`, ...more }
  return { status, headers, contentType: 'application/json', pieces: [JSON.stringify({ message })] }
}
