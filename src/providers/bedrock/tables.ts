import type { StopReason } from '../../core/model-event.ts'
import type { ContentTable } from '../content.ts'
import type { ParamNames } from '../error-answer.ts'
import type { DialectFacts } from '../family.ts'
import { drop, keep, map, type FieldTable } from '../fields.ts'

/**
 * Converse `stopReason` → ours. A guardrail that has intervened has replaced what it found with other words.
 *
 * @see https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_MessageStopEvent.html (read 2026-11-22)
 */
export const STOP_REASON: ReadonlyMap<string, StopReason> = new Map([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['tool_use', 'stop'],
  ['max_tokens', 'max_output_tokens'],
  ['model_context_window_exceeded', 'max_output_tokens'],
  ['guardrail_intervened', 'content_filter'],
  ['content_filtered', 'content_filter'],
])

/** What an unknown `stopReason` counts as. */
export const STOP_REASON_DEFAULT: StopReason = 'stop'

/** Words for an end that is none: Bedrock could not read what the model wrote. */
export const MALFORMED: ReadonlySet<string> = new Set(['malformed_model_output', 'malformed_tool_use'])

/**
 * Exceptions, in lower case → the status that they have, or would have outside a stream. Two are not what their status
 * says: a quota is not the client's fault (400), nor is a signature that lacks something.
 *
 * @see https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors (read 2026-11-22)
 * @see https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html (read 2026-11-22)
 */
export const STATUS_BY_EXCEPTION: ReadonlyMap<string, number> = new Map([
  ['validationexception', 400],
  ['accessdeniedexception', 403],
  ['expiredtokenexception', 403],
  ['incompletesignature', 403],
  ['incompletesignatureexception', 403],
  ['invalidsignatureexception', 403],
  ['missingauthenticationtokenexception', 403],
  ['unrecognizedclientexception', 403],
  ['resourcenotfoundexception', 404],
  ['modeltimeoutexception', 408],
  ['modelerrorexception', 424],
  ['modelstreamerrorexception', 424],
  ['modelnotreadyexception', 429],
  ['servicequotaexceededexception', 429],
  ['throttlingexception', 429],
  ['internalfailure', 500],
  ['internalserverexception', 500],
  ['serviceunavailableexception', 503],
])

/** Words of a `ValidationException` that is about the model's name. */
export const UNKNOWN_MODEL = /model identifier is invalid|on-demand throughput isn.t supported/i

/** Formats of images, by their type. */
export const IMAGE_FORMATS = {
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'image/gif': 'gif',
  'image/webp': 'webp',
} as const

/**
 * Formats of documents, by their type.
 *
 * @see https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html (read 2026-11-22)
 */
export const DOCUMENT_FORMATS = {
  'application/pdf': 'pdf',
  'text/csv': 'csv',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'text/html': 'html',
  'text/plain': 'txt',
  'text/markdown': 'md',
  'application/json': 'txt',
  'application/xml': 'txt',
  'application/yaml': 'txt',
} as const

/** Vendors of models: a model's name begins with one of them, behind the area that it may be served from. */
const VENDORS =
  'ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen|writer|zai'

/** A model's name at Bedrock, with its vendor. */
export const MODEL_NAME = new RegExp(`^(?:arn:aws[a-z-]*:bedrock:.*/)?(?:[a-z]{2,6}(?:-gov)?\\.)?(${VENDORS})\\.`)

/** What may stand in the path of a request as the name of a model. */
export const MODEL_FORM = /^[A-Za-z0-9][A-Za-z0-9:._/-]{0,2047}$/

/** The one spelling there is. The address is the region's; it follows from it, and differs in some partitions. */
export const DIALECTS = {
  converse: {
    baseUrl: 'https://bedrock-runtime.{region}.amazonaws.com',
    families: new RegExp(`${MODEL_NAME.source}|^arn:aws[a-z-]*:bedrock:`),
    needs: ['region'],
  },
} as const satisfies Record<string, DialectFacts>

/** Parameters of ours by those of Converse. */
export const PARAM_NAMES: ParamNames = new Map([
  ['messages', 'input'],
  ['system', 'instructions'],
  ['toolConfig', 'tools'],
])

/** What becomes of request fields. */
export const FIELDS: FieldTable = {
  instructions: map('system'),
  tools: map('toolConfig.tools'),
  toolChoice: map('toolConfig.toolChoice'),
  parallelToolCalls: map('additionalModelRequestFields.tool_choice, for Claude'),
  maxOutputTokens: map('inferenceConfig.maxTokens'),
  temperature: map('inferenceConfig.temperature'),
  topP: map('inferenceConfig.topP'),
  presencePenalty: drop(),
  frequencyPenalty: drop(),
  seed: drop(),
  topLogprobs: drop(),
  format: map('outputConfig.textFormat'),
  verbosity: drop(),
  effort: map('additionalModelRequestFields, as the model has it'),
  summary: map('additionalModelRequestFields.thinking.display, for Claude'),
  user: drop(),
  safetyIdentifier: drop(),
  promptCacheKey: map('cachePoint, for Claude and Nova'),
  serviceTier: map('serviceTier'),
  metadata: keep('stored and echoed by Antiphon'),
}

/** What becomes of images and files: Converse takes their bytes. */
export const CONTENT: ContentTable = {
  imageData: 'map',
  imageUrl: 'fetch',
  imageDetail: 'drop',
  fileData: 'map',
  fileUrl: 'fetch',
  resultParts: 'map',
}
