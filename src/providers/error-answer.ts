import { isJsonObject, parseJson, type JsonObject } from '../protocol/json.ts'
import { UpstreamError, type UpstreamFault, type UpstreamProblem } from '../core/upstream-error.ts'
import { redact } from './redact.ts'

/** What a provider's error says, wherever it says it. */
interface Complaint {
  readonly message: string
  readonly code: string
  readonly type: string
  readonly param: string
  readonly status: number | undefined
}

const CONTEXT_OVERFLOW =
  /context[ _](?:length|window|size|limit)|maximum context|too.many.*token|too long.*(?:token|context)|(?:prompt|input) (?:is )?too long|input tokens exceed|token count.{0,20}exceeds/i
/** AWS: `Too many tokens` is then said of a minute, not of a prompt. */
const THROTTLED = /throttling/i
const BAD_KEY =
  /(?:incorrect|invalid|missing).{0,20}(?:api|subscription)[ _-]?key|api[ _-]?key (?:not valid|is invalid|expired)|unauthori[sz]ed/i
/** Words for an operator who is in no place to ask, or does not pay. */
const BAD_ACCOUNT = /location is not supported|enable billing|credit balance is too low/i
const CODE_FORM = /^[a-z][a-z0-9_]{2,63}$/

/** Statuses that are about how a provider was asked, not about what: nothing that a client has in its hands. */
const ASKED_WRONGLY = [405, 406, 411, 417, 421, 426, 428, 431]

const FAULT_BY_STATUS: Readonly<Record<number, UpstreamFault>> = {
  ...Object.fromEntries(ASKED_WRONGLY.map((status) => [status, 'invalid_response' as const])),
  401: 'auth',
  402: 'auth',
  403: 'auth',
  404: 'model_not_found',
  407: 'auth', // A proxy on the way.
  408: 'timeout',
  424: 'unavailable', // The model failed behind the service that was asked.
  429: 'rate_limited',
  498: 'rate_limited', // Groq has no room for its flex tier.
  499: 'unavailable',
  504: 'timeout',
}

/** What an error inside a stream means where it names no status. */
const STATUS_BY_TYPE: ReadonlyMap<string, number> = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['overloaded_error', 529],
  // Google's words, in `status`.
  ['INVALID_ARGUMENT', 400],
  ['FAILED_PRECONDITION', 400],
  ['OUT_OF_RANGE', 400],
  ['UNAUTHENTICATED', 401],
  ['PERMISSION_DENIED', 403],
  ['NOT_FOUND', 404],
  ['RESOURCE_EXHAUSTED', 429],
  ['CANCELLED', 499],
  ['DEADLINE_EXCEEDED', 504],
])

/** What it means where it has only a code, as in Responses. */
const STATUS_BY_CODE: readonly (readonly [codes: RegExp, status: number])[] = [
  [/^(?:rate_limit_exceeded|insufficient_quota)$/, 429],
  [/^(?:server_is_overloaded|slow_down)$/, 503],
  [/^invalid_api_key$/, 401],
  [/^model_not_found$/, 404],
  [/^(?:invalid|unsupported|context_length|image|empty_image|failed_to_download|content_policy)_/, 400],
  [/^(?:bio|cyber|misalignment)_policy/, 400],
  [/_timeout$/, 504],
]

/** What an error inside a stream means where it has only words. */
const STATUS_BY_WORDS: readonly (readonly [words: RegExp, status: number])[] = [
  [/too many requests|rate limit|usage limit/i, 429],
  [CONTEXT_OVERFLOW, 400],
  [/timed? ?out/i, 504],
]

/** Words of our own, where the provider's would mislead or reveal the operator's affairs. */
const OWN_WORDS: Partial<Record<UpstreamFault, string>> = {
  auth: 'The model provider refused the credentials that this server is configured with.',
  unavailable: 'The model provider failed to answer.',
  timeout: 'The model provider did not answer in time.',
  invalid_response: 'The model provider redirects elsewhere, or answers what it was not asked.',
}

/** Parameters of ours by those of a family: what a complaint blames, as our client knows it. */
export type ParamNames = ReadonlyMap<string, string>

/** What is needed to retell a complaint. */
export interface Retelling {
  /** Strings that no message may show. */
  readonly secrets: readonly string[]
  readonly paramNames: ParamNames
}

/** Turns an error answer (status 400 and up, or a redirect) into what it means. */
export function readErrorAnswer(
  answer: { status: number; headers: Readonly<Record<string, string | string[] | undefined>>; text: string },
  retelling: Retelling,
): UpstreamError {
  const body = parseJson(answer.text)
  const complaint = readComplaint(body)
  // A 404 that is no JSON comes from a proxy or a wrong base URL, not from the list of models.
  const fault = answer.status === 404 && body === undefined ? 'unavailable' : faultOf(answer.status, complaint)
  const retryAfter_ms = readRetryAfter(answer.headers) ?? readRetryInfo(body)
  return toUpstreamError({ ...complaint, status: answer.status, fault, retryAfter_ms, accepted: false }, retelling)
}

/** Turns an error inside a stream, or in a body with status 200, into what it means. */
export function readErrorChunk(error: unknown, retelling: Retelling): UpstreamError {
  const complaint = readComplaint({ error })
  const status = complaint.status ?? STATUS_BY_TYPE.get(complaint.type) ?? statusByCode(complaint)
  const retryAfter_ms = readRetryInfo({ error })
  return toUpstreamError({ ...complaint, fault: faultOf(status, complaint), retryAfter_ms, accepted: true }, retelling)
}

function statusByCode({ type, code, message }: Complaint): number {
  const said = `${type} ${message}`
  const [, status = 500] =
    STATUS_BY_CODE.find(([codes]) => codes.test(code)) ?? STATUS_BY_WORDS.find(([words]) => words.test(said)) ?? []
  return status
}

/** A complaint, and what is known of it besides. */
interface Verdict extends Complaint {
  readonly fault: UpstreamFault
  readonly accepted: boolean
  readonly retryAfter_ms?: number | undefined
}

function toUpstreamError(complaint: Verdict, { secrets, paramNames }: Retelling): UpstreamError {
  const { fault, accepted, retryAfter_ms } = complaint
  const isOverflow = fault === 'bad_request' && saysOverflow(complaint)
  const code = isOverflow ? 'context_length_exceeded' : CODE_FORM.exec(complaint.code)?.[0]
  const said = OWN_WORDS[fault] ?? redact(complaint.message, secrets)
  const problem: UpstreamProblem = {
    fault,
    message: said === '' ? 'The model provider refused the request without a reason.' : said,
    param: isOverflow ? 'input' : paramOf(complaint.param, paramNames),
    accepted,
    ...(code === undefined ? {} : { code }),
    ...(complaint.status === undefined ? {} : { status: complaint.status }),
    ...(retryAfter_ms === undefined ? {} : { retryAfter_ms }),
  }
  return new UpstreamError(problem)
}

function faultOf(status: number, complaint: Complaint): UpstreamFault {
  if (status === 429 && saysOverflow(complaint) && !THROTTLED.test(complaint.type)) return 'bad_request'
  if (status === 400 && complaint.code === 'model_not_found') return 'model_not_found'
  const known = FAULT_BY_STATUS[status]
  if (known !== undefined) return known
  if (status >= 300 && status < 400) return 'invalid_response' // A redirect: not followed, and not asked again.
  if (status < 300 || status >= 500) return 'unavailable'
  return BAD_KEY.test(complaint.message) || BAD_ACCOUNT.test(complaint.message) ? 'auth' : 'bad_request'
}

function saysOverflow({ message, code, type }: Complaint): boolean {
  return CONTEXT_OVERFLOW.test(`${code} ${type} ${message}`)
}

function readComplaint(body: unknown): Complaint {
  const { outer, inner } = layersOf(body)
  const metadata = isJsonObject(inner['metadata']) ? inner['metadata'] : {}
  const message = firstString(
    metadata['raw'],
    inner['message'],
    outer['error'],
    inner['detail'],
    inner['error'],
    listed(inner['detail']),
  )
  return {
    message,
    code: firstString(inner['code']),
    type: firstString(inner['type'], inner['error_type'], inner['status']),
    param: firstString(inner['param'], ...violatedFields(inner['details'])),
    status: firstStatus(inner['status_code'], inner['code'], inner['status']),
  }
}

/** Google's Chat Completions put the error object into a list of one. */
function layersOf(body: unknown): { outer: JsonObject; inner: JsonObject } {
  const [first]: readonly unknown[] = Array.isArray(body) ? body : [body]
  const outer = isJsonObject(first) ? first : {}
  return { outer, inner: isJsonObject(outer['error']) ? outer['error'] : outer }
}

/** Servers built on FastAPI list what is wrong: `[{ loc: ['body', 'tools'], msg: '…' }]`. */
function listed(detail: unknown): string {
  return entriesOf(detail)
    .map(({ msg }) => firstString(msg))
    .join('; ')
}

/** Google lists what is wrong: `{ '@type': '…BadRequest', fieldViolations: [{ field: 'contents[0].parts' }] }`. */
function violatedFields(details: unknown): readonly unknown[] {
  return entriesOf(details)
    .flatMap(({ fieldViolations }) => entriesOf(fieldViolations))
    .map(({ field }) => field)
}

function entriesOf(list: unknown): readonly JsonObject[] {
  return Array.isArray(list) ? list.filter(isJsonObject) : []
}

function firstString(...values: readonly unknown[]): string {
  return values.find((value): value is string => typeof value === 'string' && value !== '') ?? ''
}

function firstStatus(...values: readonly unknown[]): number | undefined {
  const numbers = values.map((value) => (typeof value === 'string' ? Number(value) : value))
  return numbers.find(
    (value): value is number => Number.isInteger(value) && Number(value) >= 400 && Number(value) < 600,
  )
}

/** A path of theirs as one of ours: only what we can name for certain. */
function paramOf(param: string, names: ParamNames): string {
  const known = names.get(param)
  if (known !== undefined) return known
  const top = /^[a-z_]+/.exec(param)?.[0] ?? ''
  return names.get(top) ?? (param === top ? top : '')
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

/** Google says in the body how long to wait: `{ '@type': '…RetryInfo', retryDelay: '48.9s' }`. */
function readRetryInfo(body: unknown): number | undefined {
  const { details } = layersOf(body).inner
  const delays = entriesOf(details).map(({ retryDelay }) => Number.parseFloat(firstString(retryDelay)))
  const seconds = delays.find((delay) => delay >= 0)
  return seconds === undefined ? undefined : seconds * 1000
}
