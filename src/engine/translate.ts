import { fitModalities, type ModelTraits } from '../core/capability.ts'
import { isWebSearch } from '../core/check-request.ts'
import { answeredItems } from '../core/earlier-content.ts'
import type { UserFetcher } from '../core/fetcher.ts'
import { toHistory, type ThreadItem } from '../core/history.ts'
import { flatFormat, type Identity } from '../core/initial-response.ts'
import type { ModelCall } from '../core/model-call.ts'
import type { Sealer } from '../core/seal.ts'
import { createToolRaiser, lowerChoice, lowerTools } from '../core/tool-names.ts'
import { fitToWindow } from '../core/truncate.ts'
import type { PreparedCall } from '../providers/adapter.ts'
import type { ContentTable } from '../providers/content.ts'
import type { Route } from '../providers/routing.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import { inlineUrls } from './inline-urls.ts'
import { prepareCall } from './structured-output.ts'

/** A request, and what was said before it. */
export interface Placed {
  readonly request: CreateRequest
  readonly identity: Identity
  readonly thread: readonly ThreadItem[]
}

/** A request as one model is asked it. */
export interface Translated {
  readonly route: Route
  readonly call: ModelCall
  readonly prepared: PreparedCall
  readonly raise: ReturnType<typeof createToolRaiser>
  readonly warnings: readonly string[]
}

/** What translating needs. */
export interface Means {
  readonly sealer: Sealer
  readonly fetcher: UserFetcher
}

/**
 * Translates a request for one model: reasoning that other providers have sealed is left out, and said so.
 *
 * @throws {ApiError} 400 for what the model cannot do, or what a URL does not lead to.
 */
export async function translate(placed: Placed, route: Route, { sealer, fetcher }: Means): Promise<Translated> {
  const { request, identity, thread } = placed
  const { adapter, traits } = route
  const history = toHistory(thread, (sealed) => sealer.unseal(sealed, adapter.id))
  const tools = [...(request.tools ?? []), ...history.tools]
  const lowered = lowerTools(tools)
  const { choice, tools: offered, allTools } = lowerChoice(request.tool_choice ?? undefined, lowered)
  const fitted = fitModalities(history.items, traits)
  const full: ModelCall = {
    ...settingsOf(request),
    callIdPrefix: `call_${identity.id.slice('resp_'.length, 'resp_'.length + 24)}`,
    model: route.upstreamModel,
    history: fitted.history,
    tools: offered,
    toolChoice: choice,
    allTools,
    maxOutputTokens: outputLimit(request, traits),
    canStream: traits.streaming,
  }
  const call = fitToWindow(full, request.truncation ?? 'disabled', traits.contextWindow)
  const prepared = prepareCall(adapter, await withFetched(call, adapter.content, fetcher))
  const unkept = [
    ...(tools.some(isWebSearch) ? ['web_search was left out: it is not supported yet'] : []),
    ...(request.truncation === 'auto' && traits.contextWindow === undefined ? [NO_WINDOW] : []),
  ]
  const warnings = [...unkept, ...history.warnings, ...fitted.warnings, ...prepared.warnings]
  return { route, call, prepared, raise: createToolRaiser(lowered.origins), warnings }
}

const NO_WINDOW = 'truncation auto was left out: no context_window is configured for the model'

/** The call with what its URLs lead to, where the provider is not to fetch that itself. */
async function withFetched(call: ModelCall, content: ContentTable, fetcher: UserFetcher): Promise<ModelCall> {
  const needs = { image: content.imageUrl === 'fetch', file: content.fileUrl === 'fetch' }
  if (!needs.image && !needs.file) return call
  const { signal } = new AbortController() // The fetcher has limits of its own.
  const answered = answeredItems(call.history)
  const history = await inlineUrls(call.history, needs, { fetcher, signal, answered })
  return history === call.history ? call : { ...call, history }
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
    summary: summaryOf(request),
    user: request.user ?? undefined,
    safetyIdentifier: request.safety_identifier ?? undefined,
    promptCacheKey: request.prompt_cache_key ?? undefined,
    serviceTier: request.service_tier ?? undefined,
    metadata: request.metadata ?? undefined,
  } satisfies Partial<ModelCall>
}

/** A summary that is not to be shown is not asked for. */
function summaryOf({ reasoning }: CreateRequest): ModelCall['summary'] {
  const wanted = reasoning?.summary ?? reasoning?.generate_summary ?? undefined
  return wanted === 'none' ? undefined : wanted
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
