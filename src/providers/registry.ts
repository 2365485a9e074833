import { DIALECTS as anthropic } from './anthropic/tables.ts'
import { DIALECTS as bedrock } from './bedrock/tables.ts'
import { DIALECTS as cohere } from './cohere/tables.ts'
import type { DialectFacts, RegisteredFamily } from './family.ts'
import { DIALECTS as gemini } from './gemini/tables.ts'
import { DIALECTS as ollama } from './ollama/tables.ts'
import { DIALECTS as openAiChat } from './openai-chat/tables.ts'
import { DIALECTS as openAiResponses } from './openai-responses/tables.ts'

/**
 * Every family of providers, by its `kind` in the configuration. Where a key enables two, the first is meant. What a
 * family does is loaded when one of its providers is configured: a start pays for nobody else.
 */
export const FAMILIES = {
  anthropic: { dialects: anthropic, load: async () => (await import('./anthropic/adapter.ts')).anthropic },
  bedrock: { dialects: bedrock, load: async () => (await import('./bedrock/adapter.ts')).bedrock },
  gemini: { dialects: gemini, load: async () => (await import('./gemini/adapter.ts')).gemini },
  cohere: { dialects: cohere, load: async () => (await import('./cohere/adapter.ts')).cohere },
  ollama: { dialects: ollama, load: async () => (await import('./ollama/adapter.ts')).ollama },
  'openai-responses': {
    dialects: openAiResponses,
    load: async () => (await import('./openai-responses/adapter.ts')).openAiResponses,
  },
  'openai-chat': { dialects: openAiChat, load: async () => (await import('./openai-chat/adapter.ts')).openAiChat },
  demo: { dialects: { demo: { baseUrl: undefined } }, load: async () => (await import('./demo/adapter.ts')).demo },
} as const satisfies Record<string, RegisteredFamily>

/** The `kind` of a provider. */
export type FamilyKind = keyof typeof FAMILIES

/** The family of a kind, and what is known of one of its dialects: its first where none is named. */
export function familyOf(kind: string, dialect?: string): FamilyDialect | undefined {
  const registered: RegisteredFamily | undefined = (FAMILIES as Readonly<Record<string, RegisteredFamily>>)[kind]
  if (registered === undefined) return undefined
  const name = dialect ?? Object.keys(registered.dialects)[0] ?? ''
  const facts = registered.dialects[name]
  return facts === undefined ? undefined : { registered, dialect: name, facts }
}

/** A family in one of its spellings. */
export interface FamilyDialect {
  readonly registered: RegisteredFamily
  readonly dialect: string
  readonly facts: DialectFacts
}
