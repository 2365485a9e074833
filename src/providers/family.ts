import type { Transport } from '../core/transport.ts'
import type { Adapter, UpstreamTimeouts } from './adapter.ts'
import type { ContentTable } from './content.ts'
import type { FieldTable } from './fields.ts'
import type { Endpoint } from './upstream.ts'

/** Settings of a provider that some families need: what they are is in `config/schema.ts`. */
export type OwnSetting = 'region' | 'project' | 'location' | 'credentials_file' | 'api_version'

/** What the configuration says of one provider, and what its adapter is given to work with. */
export interface ProviderSetup {
  readonly id: string
  /** One of the family's dialects. */
  readonly dialect: string
  /** Empty where there is none. */
  readonly apiKey: string
  /** Without a slash at the end; undefined where the configuration gives none. */
  readonly baseUrl: string | undefined
  readonly headers: Readonly<Record<string, string>>
  /** Whether URLs of users may be handed to the provider; undefined where nobody said. */
  readonly forwardUrls: boolean | undefined
  readonly own: Readonly<Partial<Record<OwnSetting, string>>>
  readonly userAgent: string
  readonly timeouts: UpstreamTimeouts
  readonly limits: { readonly eventBytesMax: number; readonly outputBytesMax: number }
  readonly transport: Transport
  /** Waits, or throws the signal's reason. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Whether a host is in a private network: who runs there must not fetch URLs of users. */
  readonly isPrivateHost: (host: string) => boolean
}

/** What is known of one spelling of a family's wire. */
export interface DialectFacts {
  /** Used where the configuration gives no `base_url`; undefined where it must. */
  readonly baseUrl: string | undefined
  /** Environment variable whose presence enables the provider on a first run. */
  readonly keyVariable?: string | undefined
  /** Other names of the same variable, for where the first is not set. */
  readonly otherKeyVariables?: readonly string[]
  /** Model names that lead to it by themselves: those of its adapters. */
  readonly families?: RegExp | undefined
  /** Own settings that it cannot do without. */
  readonly needs?: readonly OwnSetting[]
  /** Those that it cannot do without where it is given no key. */
  readonly needsUnkeyed?: readonly OwnSetting[]
}

/** What the registry has of a family: what a configuration is checked against, and the way to the rest. */
export interface RegisteredFamily {
  /** The first is meant where the configuration names none. */
  readonly dialects: Readonly<Record<string, DialectFacts>>
  readonly load: () => Promise<Family>
}

/** Everybody who speaks one wire: one folder, and one line in `registry.ts`. */
export interface Family {
  /** What it is, in a sentence for the documentation. */
  readonly about: string
  /** Makes an adapter. Opens nothing. */
  create(setup: ProviderSetup): Adapter
  /** What becomes of request fields. */
  fieldsOf(dialect: string): FieldTable
  /** What becomes of images and files, where URLs may be forwarded. */
  contentOf(dialect: string): ContentTable
}

/**
 * Where a provider is, with its credentials.
 *
 * @param facts The family's own address, and the headers that carry the key. Headers of the configuration win.
 */
export function endpointOf(
  setup: ProviderSetup,
  facts: { readonly baseUrl: string | undefined; readonly headers: Readonly<Record<string, string>> },
): Endpoint {
  const { apiKey, headers, timeouts, userAgent, own } = setup
  const keys = [apiKey, ...Object.values(headers)].filter((secret) => secret !== '')
  const isOwnAddress = setup.baseUrl !== undefined && setup.baseUrl !== facts.baseUrl
  return {
    baseUrl: setup.baseUrl ?? facts.baseUrl ?? '',
    headers: { 'user-agent': userAgent, ...facts.headers, ...headers },
    timeouts,
    keys,
    secrets: [...keys, own.project ?? '', ...(isOwnAddress ? placesIn(setup.baseUrl) : [])],
  }
}

/** Shorter parts of a path are words, such as `v1beta`; ids of accounts are longer. */
const ID_CHARS_MIN = 12

/** What of an address tells where it is: the whole, its host unless that is a plain word, and ids in its path. */
function placesIn(baseUrl: string): readonly string[] {
  const { host, hostname, pathname } = new URL(baseUrl)
  const hosts = [host, hostname].filter((name) => /[.:]/.test(name))
  return [baseUrl, ...hosts, ...pathname.split('/').filter((part) => part.length >= ID_CHARS_MIN)]
}

/** What becomes of content where the provider may not fetch URLs: Antiphon fetches them. */
export function contentFor(setup: ProviderSetup, baseUrl: string, content: ContentTable): ContentTable {
  const mayFetch = setup.forwardUrls ?? !setup.isPrivateHost(new URL(baseUrl).hostname)
  if (mayFetch) return content
  const fetched = (treatment: ContentTable['imageUrl']) => (treatment === 'map' ? 'fetch' : treatment)
  return { ...content, imageUrl: fetched(content.imageUrl), fileUrl: fetched(content.fileUrl) }
}
