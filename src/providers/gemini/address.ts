import type { ProviderSetup } from '../family.ts'
import { DIALECTS, type DialectName } from './tables.ts'

/** Where models are, and where they are listed. */
export interface Address {
  /** Where the configuration gives none. */
  readonly baseUrl: string
  /** Below the base URL. */
  modelPath(model: string): string
  readonly listPath: string
}

/** Locations of Vertex that span several regions: their address is worded another way. */
const MULTI_REGIONS: ReadonlySet<string> = new Set(['us', 'eu'])

/** Names of models that say themselves where they are below the version. */
const OWN_PATH: Readonly<Record<DialectName, RegExp>> = {
  'ai-studio': /^(?:models|tunedModels)\/[\w.-]+$/,
  vertex: /^(?:publishers\/[\w.-]+\/models|endpoints)\/[\w.-]+$/,
}

/** The address of a dialect: on Vertex, below a project and a location, which an API key can do without. */
export function addressOf(dialect: DialectName, { own, apiKey }: Pick<ProviderSetup, 'own' | 'apiKey'>): Address {
  const path = (folder: string, model: string) =>
    OWN_PATH[dialect].test(model) ? `/${model}` : `/${folder}/${encodeURIComponent(model)}`
  if (dialect === 'ai-studio') {
    const { baseUrl } = DIALECTS['ai-studio']
    return { baseUrl, modelPath: (model) => path('models', model), listPath: '/models?pageSize=1000' }
  }
  const location = own.location ?? 'global'
  const isExpress = apiKey !== '' && own.project === undefined
  const project = `/projects/${encodeURIComponent(own.project ?? '')}/locations/${encodeURIComponent(location)}`
  return {
    baseUrl: isExpress ? DIALECTS.vertex.baseUrl : vertexUrl(location),
    modelPath: (model) => (isExpress ? '' : project) + path('publishers/google/models', model),
    listPath: '/publishers/google/models?pageSize=100',
  }
}

/** @see https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations (read 2026-11-22) */
function vertexUrl(location: string): string {
  const { baseUrl } = DIALECTS.vertex
  if (location === 'global') return baseUrl
  const host = MULTI_REGIONS.has(location)
    ? `aiplatform.${location}.rep.googleapis.com`
    : `${location}-aiplatform.googleapis.com`
  return baseUrl.replace('aiplatform.googleapis.com', host)
}
