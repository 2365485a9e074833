import type { TransportAnswer } from '../../core/transport.ts'
import { UpstreamError } from '../../core/upstream-error.ts'
import { isJsonObject, parseJson, type JsonObject } from '../../protocol/json.ts'
import { readErrorAnswer, readErrorChunk, type Retelling } from '../error-answer.ts'
import { notItsProtocol } from '../exchange.ts'
import { textIn } from '../loose.ts'
import { connectionError } from '../upstream.ts'
import { PARAM_NAMES, STATUS_BY_EXCEPTION, UNKNOWN_MODEL } from './tables.ts'

/** An error answer, read to its end. */
export interface ErrorAnswer extends Pick<TransportAnswer, 'status' | 'headers'> {
  readonly text: string
}

/** What an error answer means: AWS names the exception in a header, and has two spellings of its message. */
export function readRefusal(answer: ErrorAnswer, secrets: readonly string[]): UpstreamError {
  const retelling: Retelling = { secrets, paramNames: PARAM_NAMES }
  const body = parseJson(answer.text)
  if (!isJsonObject(body)) return readErrorAnswer(answer, retelling)
  const type = exceptionName(answer, body)
  const status = answer.status < 500 ? (STATUS_BY_EXCEPTION.get(type.toLowerCase()) ?? answer.status) : answer.status
  const message = textOf(body['message']) || textOf(body['Message'])
  const code = status === 400 && UNKNOWN_MODEL.test(message) ? 'model_not_found' : ''
  return readErrorAnswer({ ...answer, status, text: JSON.stringify({ error: { message, type, code } }) }, retelling)
}

/** `ValidationException:http://…` in the header, or `com.amazon…#ValidationException` in the body. */
function exceptionName({ headers }: ErrorAnswer, body: JsonObject): string {
  const header = headers['x-amzn-errortype']
  const named = typeof header === 'string' ? header : textOf(body['__type'])
  return named.split(':')[0]?.split('#').at(-1) ?? ''
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** How far a call had come when it failed. */
export interface Progress {
  /** Whether the provider had begun to answer. */
  readonly hasBegun: boolean
  readonly secrets: readonly string[]
}

/**
 * What an error means that the SDK has thrown, or passed on. Errors of no known kind pass as they are, as long as the
 * provider has not begun to answer: they are ours.
 */
export function explain(error: unknown, { hasBegun, secrets }: Progress): unknown {
  if (error instanceof UpstreamError) return new UpstreamError(error.problem) // Without what the SDK has added to it.
  const name = error instanceof Error ? textIn(error.name) : '' // The SDK takes it from the frame as it is.
  if (error instanceof Error && CREDENTIALS.has(name)) return noCredentials(error)
  const explained = connectionError(error)
  if (explained !== error || !hasBegun) return explained
  if (!(error instanceof Error) || PROGRAMMING.has(name)) return notItsProtocol()
  const status = STATUS_BY_EXCEPTION.get(name.toLowerCase())
  const complaint = { message: wordsOf(error), type: name, ...(status === undefined ? {} : { status_code: status }) }
  return readErrorChunk(complaint, { secrets, paramNames: PARAM_NAMES })
}

/** What the SDK throws where it has found no credentials, or none that are still good. */
const CREDENTIALS: ReadonlySet<string> = new Set(['CredentialsProviderError', 'TokenProviderError'])

/** Names of errors that come of frames which are none. */
const PROGRAMMING: ReadonlySet<string> = new Set(['Error', 'TypeError', 'RangeError', 'SyntaxError'])

function noCredentials(cause: Error): UpstreamError {
  const message = 'This server has no AWS credentials for the model provider: its operator must give some.'
  return new UpstreamError({ fault: 'auth', message, accepted: false, cause })
}

/** What the provider said, where that is text, without the hint for programmers that the SDK adds. */
function wordsOf({ message }: Error): string {
  return textIn(textIn(message).split('\n  Deserialization error:')[0])
}
