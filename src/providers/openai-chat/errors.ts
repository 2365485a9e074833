import { isJsonObject, parseJson } from '../../protocol/json.ts'
import { UpstreamError, type UpstreamFault, type UpstreamProblem } from '../../core/upstream-error.ts'
import { redact } from '../redact.ts'

/** What a provider's error says, wherever it says it. */
interface Complaint {
  readonly message: string
  readonly code: string
  readonly type: string
  readonly param: string
  readonly status: number | undefined
}

const CONTEXT_OVERFLOW =
  /context (?:length|window)|maximum context|too (?:many|long).*(?:token|context)|prompt (?:is )?too long/i
const BAD_KEY = /(?:incorrect|invalid|missing).{0,20}(?:api|subscription)[ _-]?key|unauthori[sz]ed/i
const CODE_FORM = /^[a-z][a-z0-9_]{2,63}$/

const FAULT_BY_STATUS: Readonly<Record<number, UpstreamFault>> = {
  401: 'auth',
  402: 'auth',
  403: 'auth',
  404: 'model_not_found',
  408: 'timeout',
  429: 'rate_limited',
  504: 'timeout',
}

/** Words of our own, where the provider's would mislead or reveal the operator's affairs. */
const OWN_WORDS: Partial<Record<UpstreamFault, string>> = {
  auth: 'The model provider refused the credentials that this server is configured with.',
  unavailable: 'The model provider failed to answer.',
  timeout: 'The model provider did not answer in time.',
}

/** Parameters of ours by those of Chat Completions. */
const PARAM: Readonly<Record<string, string>> = {
  max_tokens: 'max_output_tokens',
  max_completion_tokens: 'max_output_tokens',
  messages: 'input',
  response_format: 'text.format',
  reasoning_effort: 'reasoning.effort',
}

/** Turns an error answer (status 400 and up, or a redirect) into what it means. */
export function readErrorAnswer(
  answer: { status: number; headers: Readonly<Record<string, string | string[] | undefined>>; text: string },
  secrets: readonly string[],
): UpstreamError {
  const body = parseJson(answer.text)
  const complaint = readComplaint(body)
  const fault = isJsonObject(body) || answer.status !== 404 ? faultOf(answer.status, complaint) : 'unavailable'
  return toUpstreamError({ ...complaint, status: answer.status }, fault, secrets, {
    retryAfter_ms: readRetryAfter(answer.headers),
    accepted: false,
  })
}

/** Turns an error inside a stream, or in a body with status 200, into what it means. */
export function readErrorChunk(error: unknown, secrets: readonly string[]): UpstreamError {
  const complaint = readComplaint({ error })
  return toUpstreamError(complaint, faultOf(complaint.status ?? 500, complaint), secrets, { accepted: true })
}

function toUpstreamError(
  complaint: Complaint,
  fault: UpstreamFault,
  secrets: readonly string[],
  rest: { retryAfter_ms?: number | undefined; accepted: boolean },
): UpstreamError {
  const isOverflow = fault === 'bad_request' && CONTEXT_OVERFLOW.test(complaint.message)
  const code = isOverflow ? 'context_length_exceeded' : CODE_FORM.exec(complaint.code)?.[0]
  const said = OWN_WORDS[fault] ?? redact(complaint.message, secrets)
  const problem: UpstreamProblem = {
    fault,
    message: said === '' ? 'The model provider refused the request without a reason.' : said,
    param: isOverflow ? 'input' : paramOf(complaint.param),
    accepted: rest.accepted,
    ...(code === undefined ? {} : { code }),
    ...(complaint.status === undefined ? {} : { status: complaint.status }),
    ...(rest.retryAfter_ms === undefined ? {} : { retryAfter_ms: rest.retryAfter_ms }),
  }
  return new UpstreamError(problem)
}

function faultOf(status: number, complaint: Complaint): UpstreamFault {
  if (status === 429 && CONTEXT_OVERFLOW.test(complaint.message)) return 'bad_request'
  const known = FAULT_BY_STATUS[status]
  if (known !== undefined) return known
  if (status < 400 || status >= 500) return 'unavailable'
  return BAD_KEY.test(complaint.message) ? 'auth' : 'bad_request'
}

function readComplaint(body: unknown): Complaint {
  const outer = isJsonObject(body) ? body : {}
  const inner = isJsonObject(outer['error']) ? outer['error'] : outer
  const metadata = isJsonObject(inner['metadata']) ? inner['metadata'] : {}
  const message = firstString(metadata['raw'], inner['message'], outer['error'], inner['detail'], inner['error'])
  return {
    message,
    code: firstString(inner['code']),
    type: firstString(inner['type']),
    param: firstString(inner['param']),
    status: firstStatus(inner['status_code'], inner['code'], inner['status']),
  }
}

function firstString(...values: readonly unknown[]): string {
  return values.find((value): value is string => typeof value === 'string' && value !== '') ?? ''
}

function firstStatus(...values: readonly unknown[]): number | undefined {
  return values.map(Number).find((value) => Number.isInteger(value) && value >= 400 && value < 600)
}

/** A path of theirs as one of ours: only what we can name for certain. */
function paramOf(param: string): string {
  const top = /^[a-z_]+/.exec(param)?.[0] ?? ''
  return PARAM[top] ?? (param === top ? top : '')
}

function readRetryAfter(headers: Readonly<Record<string, string | string[] | undefined>>): number | undefined {
  const exact = Number(headers['retry-after-ms'])
  if (Number.isFinite(exact) && exact > 0) return exact
  const given = headers['retry-after']
  if (typeof given !== 'string') return undefined
  const seconds = Number(given)
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000)
  const date = Date.parse(given)
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}
