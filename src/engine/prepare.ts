import { checkCapability, checkModalities, checkSupported, type ModelTraits } from '../core/capability.ts'
import { checkRequest, isWebSearch, readResponseId } from '../core/check-request.ts'
import { storeInput, toHistory, type StoredItem, type ThreadItem } from '../core/history.ts'
import { flatFormat, initialResponse, type Identity } from '../core/initial-response.ts'
import type { ModelCall } from '../core/model-call.ts'
import type { Sealer } from '../core/seal.ts'
import { createToolRaiser, lowerChoice, lowerTools } from '../core/tool-names.ts'
import { fitToWindow } from '../core/truncate.ts'
import type { PreparedCall } from '../providers/adapter.ts'
import type { Catalogue, Route } from '../providers/routing.ts'
import { ApiError } from '../protocol/error.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import type { ResponseId } from '../protocol/id.ts'
import type { Response } from '../protocol/response.ts'
import type { ResponseStore } from '../store/store.ts'
import { loadEarlier, loadThread, resolveReferences } from './thread.ts'

/** What preparing needs. */
export interface PrepareContext {
  /** What the account has stored. */
  readonly responses: ResponseStore
  readonly catalogue: Catalogue
  readonly sealer: Sealer
  readonly allowBackgroundStream: boolean
  /** Whether the response is stored already: a job that a worker takes up. */
  readonly isAccepted: boolean
}

/** A request that has passed every check, translated and ready to be sent. */
export interface PreparedRun {
  readonly request: CreateRequest
  readonly id: ResponseId
  readonly previousId: ResponseId | undefined
  /** The first snapshot. */
  readonly response: Response
  /** This request's own input items. */
  readonly input: readonly StoredItem[]
  readonly route: Route
  readonly call: ModelCall
  readonly prepared: PreparedCall
  readonly raise: ReturnType<typeof createToolRaiser>
  readonly warnings: readonly string[]
}

/**
 * Takes a valid request through thread history and capability checks to a translated model call.
 * Nothing is written and nothing sent.
 *
 * @throws {ApiError} The first thing that stands in the way.
 */
export async function prepareRun(
  context: PrepareContext,
  request: CreateRequest,
  identity: Identity,
): Promise<PreparedRun> {
  const { responses } = context
  checkRequest(request, context.allowBackgroundStream)
  const route = resolveModel(context.catalogue, request.model)
  checkCapability(request, route.traits)
  const previousId =
    request.previous_response_id == null
      ? undefined
      : readResponseId(request.previous_response_id, 'previous_response_id')
  const earlier = context.isAccepted
    ? await loadEarlier(responses, identity.id)
    : await loadThread(responses, previousId)
  const input = storeInput(await resolveReferences(responses, request.input), identity.id)
  // Stored items are what InputItem allows, with an id.
  const thread: ThreadItem[] = [...earlier, ...(input as unknown as ThreadItem[])]
  return { ...translate({ request, identity, route, thread }, context.sealer), input, previousId }
}

/** @throws {ApiError} 404 `model_not_found`, or 400 for models that are known and not supported. */
export function resolveModel(catalogue: Catalogue, model: string): Route {
  checkSupported(model)
  const route = catalogue.resolve(model)
  if (route !== undefined) return route
  throw new ApiError({
    type: 'not_found_error',
    code: 'model_not_found',
    param: 'model',
    message: `The model ${model.slice(0, 64)} does not exist. GET /v1/models lists those that do.`,
  })
}

/** A request that has its place: who it is, where it goes, what was said before. */
interface Placed {
  readonly request: CreateRequest
  readonly identity: Identity
  readonly route: Route
  readonly thread: readonly ThreadItem[]
}

function translate(placed: Placed, sealer: Sealer): Omit<PreparedRun, 'input' | 'previousId'> {
  const { request, identity, route } = placed
  const { adapter, traits } = route
  const history = toHistory(placed.thread, (sealed) => sealer.unseal(sealed, adapter.id))
  const tools = [...(request.tools ?? []), ...history.tools]
  const lowered = lowerTools(tools)
  const { choice, tools: offered } = lowerChoice(request.tool_choice ?? undefined, lowered)
  const full: ModelCall = {
    ...settingsOf(request),
    callIdPrefix: `call_${identity.id.slice('resp_'.length, 'resp_'.length + 24)}`,
    model: route.upstreamModel,
    history: history.items,
    tools: offered,
    toolChoice: choice,
    maxOutputTokens: outputLimit(request, traits),
    canStream: traits.streaming,
  }
  const call = fitToWindow(full, request.truncation ?? 'disabled', traits.contextWindow)
  checkModalities(call.history, traits)
  const prepared = adapter.prepare(call)
  const dropped = tools.some(isWebSearch) ? ['web_search was left out: it is not supported yet'] : []
  return {
    request,
    id: identity.id,
    response: initialResponse(request, identity),
    route,
    call,
    prepared,
    raise: createToolRaiser(lowered.origins),
    warnings: [...dropped, ...history.warnings, ...prepared.warnings],
  }
}

/** What the client set, null and absent alike. */
function settingsOf(request: CreateRequest) {
  return {
    instructions: request.instructions ?? undefined,
    parallelToolCalls: request.parallel_tool_calls ?? undefined,
    temperature: request.temperature ?? undefined,
    topP: request.top_p ?? undefined,
    presencePenalty: request.presence_penalty ?? undefined,
    frequencyPenalty: request.frequency_penalty ?? undefined,
    seed: request.seed ?? undefined,
    topLogprobs: wantedLogprobs(request),
    format: flatFormat(request.text?.format ?? { type: 'text' }),
    verbosity: request.text?.verbosity ?? undefined,
    effort: request.reasoning?.effort ?? undefined,
    user: request.user ?? undefined,
    safetyIdentifier: request.safety_identifier ?? undefined,
    promptCacheKey: request.prompt_cache_key ?? undefined,
    serviceTier: request.service_tier ?? undefined,
    metadata: request.metadata ?? undefined,
  } satisfies Partial<ModelCall>
}

function outputLimit(request: CreateRequest, { maxOutputTokens }: ModelTraits): number | undefined {
  const wanted = request.max_output_tokens ?? undefined
  return wanted === undefined ? undefined : Math.min(wanted, maxOutputTokens ?? wanted)
}

function wantedLogprobs(request: CreateRequest): number | undefined {
  const isWanted = request.include?.includes('message.output_text.logprobs') === true
  if (request.top_logprobs != null && request.top_logprobs > 0) return request.top_logprobs
  return isWanted ? 0 : undefined
}
