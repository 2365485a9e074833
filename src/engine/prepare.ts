import { checkCapability, checkSupported } from '../core/capability.ts'
import { checkRequest, readResponseId } from '../core/check-request.ts'
import { storeInput, type StoredItem, type ThreadItem } from '../core/history.ts'
import { initialResponse, type Identity } from '../core/initial-response.ts'
import type { Catalogue, Route } from '../providers/routing.ts'
import { ApiError } from '../protocol/error.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import type { ResponseId } from '../protocol/id.ts'
import type { Response } from '../protocol/response.ts'
import type { ResponseStore } from '../store/store.ts'
import { fallBack, type NextModel } from './fallback.ts'
import type { RecentThreads, Thread } from './recent-threads.ts'
import { loadEarlier, loadThread, resolveReferences } from './thread.ts'
import { translate, type Means, type Translated } from './translate.ts'

/** What preparing needs. */
export interface PrepareContext extends Means {
  /** What the account has stored. */
  readonly responses: ResponseStore
  readonly threads: RecentThreads
  readonly catalogue: Catalogue
  readonly allowBackgroundStream: boolean
  /** Whether the response is stored already: a job that a worker takes up. */
  readonly isAccepted: boolean
}

/** A request that has passed every check, translated and ready to be sent. */
export interface PreparedRun extends Translated {
  readonly request: CreateRequest
  readonly id: ResponseId
  readonly previousId: ResponseId | undefined
  /** The first snapshot. */
  readonly response: Response
  /** What was said before. */
  readonly earlier: Thread
  /** What was said before, and this request's own input. */
  readonly said: readonly ThreadItem[]
  /** This request's own input items. */
  readonly input: readonly StoredItem[]
  /** Where to turn when the model fails before its first word; undefined where it has no fallback. */
  readonly nextModel: NextModel | undefined
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
  const earlier = await (context.isAccepted ? loadEarlier(responses, identity.id) : loadThread(context, previousId))
  const input = storeInput(await resolveReferences(responses, request.input), identity.id)
  // Stored items are what InputItem allows, with an id.
  const said: ThreadItem[] = [...earlier.items, ...(input as unknown as ThreadItem[])]
  const placed = { request, identity, thread: said }
  const { call, prepared, raise, warnings } = await translate(placed, route, context)
  return {
    request,
    id: identity.id,
    previousId,
    response: initialResponse(request, identity),
    earlier,
    said,
    input,
    route,
    call,
    prepared,
    raise,
    warnings,
    nextModel: fallBack(placed, route, context),
  }
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
