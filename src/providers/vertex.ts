import type { ProviderSetup } from './family.ts'

/** Where Vertex AI is for everybody who names no address: the check of the configuration wants one. */
export const VERTEX_URL = 'https://aiplatform.googleapis.com/v1'

/** Locations that are several regions at once have addresses of their own. */
const MULTI_REGIONS: ReadonlySet<string> = new Set(['us', 'eu'])

/**
 * Where the models of a project are on Vertex AI; `/publishers/…` follows.
 *
 * @see https://code.claude.com/docs/en/google-vertex-ai (read 2026-11-22)
 */
export function vertexBaseUrl({ baseUrl, own }: Pick<ProviderSetup, 'baseUrl' | 'own'>): string {
  const { project = '', location = 'global' } = own
  const place = `/projects/${encodeURIComponent(project)}/locations/${encodeURIComponent(location)}`
  return (baseUrl ?? regionUrl(location)) + place
}

function regionUrl(location: string): string {
  if (location === 'global') return VERTEX_URL
  if (MULTI_REGIONS.has(location)) return `https://aiplatform.${location}.rep.googleapis.com/v1`
  return `https://${location}-aiplatform.googleapis.com/v1`
}
