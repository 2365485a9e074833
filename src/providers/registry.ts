import { anthropic } from './anthropic/adapter.ts'
import { cohere } from './cohere/adapter.ts'
import { bedrock } from './bedrock/adapter.ts'
import { demo } from './demo/adapter.ts'
import type { Family } from './family.ts'
import { gemini } from './gemini/adapter.ts'
import { ollama } from './ollama/adapter.ts'
import { openAiChat } from './openai-chat/adapter.ts'
import { openAiResponses } from './openai-responses/adapter.ts'

/** Every family of providers, by its `kind` in the configuration. Where a key enables two, the first is meant. */
export const FAMILIES = {
  anthropic,
  bedrock,
  gemini,
  cohere,
  ollama,
  'openai-responses': openAiResponses,
  'openai-chat': openAiChat,
  demo,
} as const satisfies Record<string, Family>

/** The `kind` of a provider. */
export type FamilyKind = keyof typeof FAMILIES

/** The family of a kind, and what is known of one of its dialects: its first where none is named. */
export function familyOf(kind: string, dialect?: string): FamilyDialect | undefined {
  const family: Family | undefined = (FAMILIES as Readonly<Record<string, Family>>)[kind]
  if (family === undefined) return undefined
  const name = dialect ?? Object.keys(family.dialects)[0] ?? ''
  const facts = family.dialects[name]
  return facts === undefined ? undefined : { family, dialect: name, facts }
}

/** A family in one of its spellings. */
export interface FamilyDialect {
  readonly family: Family
  readonly dialect: string
  readonly facts: Family['dialects'][string]
}
