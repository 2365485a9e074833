import type { ProviderSetup } from '../family.ts'
import { VERTEX_URL, vertexBaseUrl } from '../vertex.ts'
import { DIALECTS, type DialectName } from './tables.ts'

/** Where models are, and where they are listed. */
export interface Address {
  readonly baseUrl: string
  /** Below the base URL. */
  modelPath(model: string): string
  /** Below the base URL; undefined where there is no list. */
  readonly listPath: string | undefined
}

/** Names of models that say themselves where they are, below the base URL: no part of them may lead elsewhere. */
const OWN_PATH: Readonly<Record<DialectName, RegExp>> = {
  'ai-studio': /^(?:models|tunedModels)\/\w[\w.-]*$/,
  vertex: /^(?:publishers\/\w[\w.-]*\/models|endpoints)\/\w[\w.-]*$/,
}

/** The address of a dialect. On Vertex, an API key of express mode does without a project. */
export function addressOf(dialect: DialectName, setup: Pick<ProviderSetup, 'baseUrl' | 'own' | 'apiKey'>): Address {
  const pathIn = (folder: string) => (model: string) =>
    OWN_PATH[dialect].test(model) ? `/${model}` : `/${folder}/${encodeURIComponent(model)}`
  if (dialect === 'ai-studio') {
    const baseUrl = setup.baseUrl ?? DIALECTS['ai-studio'].baseUrl
    return { baseUrl, modelPath: pathIn('models'), listPath: '/models?pageSize=1000' }
  }
  const isExpress = setup.apiKey !== '' && setup.own.project === undefined
  const baseUrl = isExpress ? (setup.baseUrl ?? VERTEX_URL) : vertexBaseUrl(setup)
  return { baseUrl, modelPath: pathIn('publishers/google/models'), listPath: undefined }
}
