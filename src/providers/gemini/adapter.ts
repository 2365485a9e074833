import type { ModelCall } from '../../core/model-call.ts'
import { isJsonObject } from '../../protocol/json.ts'
import type { Adapter } from '../adapter.ts'
import { HttpCall, type Wire } from '../exchange.ts'
import { contentFor, endpointOf, type Family, type ProviderSetup } from '../family.ts'
import { createCallFilter } from '../fields.ts'
import { googleTransport } from '../google-auth.ts'
import { getJson } from '../upstream.ts'
import { addressOf } from './address.ts'
import { takesSchemas } from './models.ts'
import { buildGeminiRequest } from './request.ts'
import { createGeminiReader } from './stream.ts'
import { CONTENT, DIALECTS, fieldsOf, PARAM_NAMES, type DialectName } from './tables.ts'

/** Gemini's own wire, of AI Studio and of Vertex. */
export const gemini: Family = {
  about: "generateContent: Google's Gemini, by AI Studio or by Vertex (express mode too).",
  create: createAdapter,
  fieldsOf: (dialect) => fieldsOf(nameOf(dialect)),
  contentOf: () => CONTENT,
}

function nameOf(dialect: string): DialectName {
  return dialect as DialectName // The configuration's check allows no other.
}

function createAdapter(setup: ProviderSetup): Adapter {
  const dialect = nameOf(setup.dialect)
  const address = addressOf(dialect, setup)
  const transport = googleTransport(setup)
  const { baseUrl, listPath } = address
  const endpoint = endpointOf({ ...setup, baseUrl }, { baseUrl: DIALECTS[dialect].baseUrl, headers: credential(setup) })
  const { secrets } = endpoint
  const wire: Wire = { endpoint, limits: setup.limits, transport, framing: 'events', paramNames: PARAM_NAMES }
  const content = contentFor(setup, baseUrl, CONTENT)
  const filter = createCallFilter(fieldsOf(dialect), content)
  return {
    id: setup.id,
    families: DIALECTS[dialect].families,
    content,
    takesSchemas,
    prepare(call) {
      const settled = filter(withoutDefaults(call))
      const { body, headers, warnings } = buildGeminiRequest(settled.call, dialect)
      const method = call.canStream ? 'streamGenerateContent?alt=sse' : 'generateContent'
      return new HttpCall(wire, {
        path: `${address.modelPath(call.model)}:${method}`,
        headers,
        warnings: [...settled.warnings, ...warnings],
        body: JSON.stringify(body),
        isStreamed: call.canStream,
        createReader: readerMaker(call, secrets),
      })
    },
    async listModels(signal) {
      return listPath === undefined ? [] : readModelList(await getJson(transport, endpoint, { path: listPath, signal }))
    },
  }
}

/** Several calls at once are what Gemini makes anyway. */
function withoutDefaults(call: ModelCall): ModelCall {
  return call.parallelToolCalls === true ? { ...call, parallelToolCalls: undefined } : call
}

/** A function of its own: what it returns is kept while the provider is silent, and must not hold the call. */
function readerMaker({ callIdPrefix }: ModelCall, secrets: readonly string[]) {
  return () => createGeminiReader({ callIdPrefix, secrets })
}

function credential({ apiKey }: ProviderSetup): Readonly<Record<string, string>> {
  return apiKey === '' ? {} : { 'x-goog-api-key': apiKey }
}

/** The names in a list of models, of those that generate content. */
export function readModelList(body: unknown): readonly string[] {
  const list: readonly unknown[] = isJsonObject(body) && Array.isArray(body['models']) ? body['models'] : []
  return list.flatMap((model) => {
    const { name, supportedGenerationMethods: methods } = isJsonObject(model) ? model : {}
    const isMute = Array.isArray(methods) && !methods.includes('generateContent')
    return typeof name !== 'string' || isMute ? [] : [name.replace(/^models\//, '')]
  })
}
