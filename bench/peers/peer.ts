import type { Target } from '../rig/load.ts'

/** What may become of a call on its way to the provider and back, the least work first. */
export const WORKS = ['passes on', 'translates', 'translates and stores'] as const

/** One of them. */
export type Work = (typeof WORKS)[number]

/** One API of a server, and how it is asked. */
export interface Way {
  readonly api: string
  readonly work: Work
  readonly path: string
  /** Headers of every request. @param upstreamOrigin Where the mock upstream listens. */
  readonly headers: (upstreamOrigin: string) => Target['headers']
  readonly body: Target['body']
}

/** Where a peer is started. */
export interface Place {
  /** The folder it is installed in. */
  readonly folder: string
  readonly port: number
  readonly upstreamOrigin: string
}

/** A server that others make: which package it is, how it is started, how it is asked. */
export interface Peer {
  /** Its folder, and its name on the command line. */
  readonly name: string
  /** The npm package that is the peer. */
  readonly package: string
  /** Exact versions of everything that is installed by name; every peer that needs one gets this one. */
  readonly versions: Readonly<Record<string, string>>
  readonly environment?: Readonly<Record<string, string>>
  readonly ways: readonly Way[]
  /** Arguments for Node. */
  args(place: Place): readonly string[]
}

/** Chat Completions, passed on to a provider that speaks them too. */
export const CHAT: Way = {
  api: 'Chat Completions',
  work: 'passes on',
  path: '/v1/chat/completions',
  headers: () => ({}),
  body: (prompt, stream) => ({ model: 'mock', stream, messages: [{ role: 'user', content: prompt }] }),
}
