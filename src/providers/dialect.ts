import type { DialectFacts, ProviderSetup } from './family.ts'

/** One spelling of a wire that many took over: who speaks it, where, and with what quirks. */
export interface Spoken<Quirks> extends DialectFacts {
  /** The header that carries the key: Azure has one of its own. */
  readonly keyHeader: 'authorization' | 'api-key'
  /** Model names known to be this provider's. */
  readonly families: RegExp | undefined
  readonly quirks: Quirks
}

/** What a dialect says of itself: the rest is as with all others. */
export type DialectRow<Quirks> = Partial<Omit<Spoken<Quirks>, 'quirks'>> & { readonly quirks?: Partial<Quirks> }

/** Makes the dialects of a wire, from what nobody in particular speaks. */
export function dialectMaker<Quirks extends object>(generic: Quirks) {
  return (row: DialectRow<Quirks>): Spoken<Quirks> => ({
    baseUrl: row.baseUrl,
    keyVariable: row.keyVariable,
    keyHeader: row.keyHeader ?? 'authorization',
    families: row.families,
    quirks: { ...generic, ...row.quirks },
  })
}

/** The headers that carry the key; none where there is none. */
export function credential(
  { apiKey }: Pick<ProviderSetup, 'apiKey'>,
  { keyHeader }: Pick<Spoken<object>, 'keyHeader'>,
): Readonly<Record<string, string>> {
  if (apiKey === '') return {}
  return keyHeader === 'api-key' ? { 'api-key': apiKey } : { authorization: `Bearer ${apiKey}` }
}

/** What follows every path where the configuration names a version of the API: some addresses of Azure want one. */
export function versionQuery({ own }: Pick<ProviderSetup, 'own'>): string {
  return own.api_version === undefined ? '' : `?api-version=${encodeURIComponent(own.api_version)}`
}
