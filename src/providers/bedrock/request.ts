import type { ConverseCommandInput, OutputConfig, ServiceTierType } from '@aws-sdk/client-bedrock-runtime'
import type { ModelCall } from '../../core/model-call.ts'
import { ApiError, badRequest } from '../../protocol/error.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { enforce } from '../anthropic/schema.ts'
import { leftWarning } from '../anthropic/tools.ts'
import { buildThread } from './messages.ts'
import { factsOf, type ModelFacts } from './models.ts'
import { MODEL_FORM } from './tables.ts'
import { buildInference } from './thinking.ts'
import { buildTools } from './tools.ts'

/** A request for Converse and ConverseStream, and what had to be changed in it. */
export interface ConverseRequest {
  readonly input: ConverseCommandInput
  readonly warnings: readonly string[]
}

/**
 * Translates a call. Deterministic; append-only but for cache points, so that a longer thread begins with what the
 * provider has cached of the shorter.
 *
 * @throws {ApiError} 404 for a name that no model can have; 400 for what the model would refuse.
 */
export function buildConverseRequest(call: ModelCall): ConverseRequest {
  checkName(call.model)
  const facts = factsOf(call.model)
  const { system, messages } = buildThread(call, facts)
  const tools = buildTools(call, facts)
  const inference = buildInference(call, facts, messages)
  const format = buildFormat(call, facts)
  const additional = { ...inference.additional, ...tools.additional }
  const uncached = call.promptCacheKey !== undefined && facts.caches.length === 0
  return {
    input: {
      modelId: call.model,
      messages,
      ...nonEmpty('system', [...system, ...format.system]),
      ...(Object.keys(inference.config).length === 0 ? {} : { inferenceConfig: inference.config }),
      ...(tools.toolConfig === undefined ? {} : { toolConfig: tools.toolConfig }),
      ...(Object.keys(additional).length === 0 ? {} : { additionalModelRequestFields: additional as Additional }),
      ...(format.outputConfig === undefined ? {} : { outputConfig: format.outputConfig }),
      ...tierOf(call.serviceTier),
    },
    warnings: [
      ...tools.warnings,
      ...inference.warnings,
      ...format.warnings,
      ...(uncached ? ['prompt_cache_key was left out: the model has no cache points'] : []),
    ],
  }
}

/** JSON as the SDK knows it. */
type Additional = NonNullable<ConverseCommandInput['additionalModelRequestFields']>

/** The name stands in the path of the request: it must not lead to another. */
function checkName(model: string): void {
  if (MODEL_FORM.test(model)) return
  throw new ApiError({
    type: 'not_found_error',
    code: 'model_not_found',
    param: 'model',
    message: 'The model does not exist: names of models at Bedrock are letters, digits and : . _ / - alone.',
  })
}

function nonEmpty<Value>(field: string, list: readonly Value[]) {
  return list.length === 0 ? {} : { [field]: list }
}

interface Format {
  readonly outputConfig?: OutputConfig
  readonly system: readonly { readonly text: string }[]
  readonly warnings: readonly string[]
}

const JSON_OBJECT = 'Write nothing but a single JSON object: it is read by a program.'

function buildFormat({ format }: ModelCall, facts: ModelFacts): Format {
  if (format.type === 'text') return { system: [], warnings: [] }
  if (format.type === 'json_object') {
    const warnings = ['text.format json_object was sent as an instruction: the provider has no such format']
    return { system: [{ text: JSON_OBJECT }], warnings }
  }
  if (!facts.schemas) {
    const message = 'This model has no json_schema format: use json_object and describe the shape in the instructions.'
    throw badRequest('unsupported_parameter', 'text.format', message)
  }
  const given = format.schema as JsonObject // Schemas come from JSON.
  const { schema, left } = facts.claude === undefined ? { schema: given, left: new Set<string>() } : enforce(given)
  const jsonSchema = {
    schema: JSON.stringify(schema),
    name: format.name,
    ...(format.description == null ? {} : { description: format.description }),
  }
  return {
    outputConfig: { textFormat: { type: 'json_schema', structure: { jsonSchema } } },
    system: [],
    warnings: leftWarning('text.format', left),
  }
}

/** `auto` leaves it to the provider. */
function tierOf(tier: string | undefined): Pick<ConverseCommandInput, 'serviceTier'> {
  if (tier === undefined || tier === 'auto') return {}
  return { serviceTier: { type: tier as ServiceTierType } } // The request's check allows default, flex and priority.
}
