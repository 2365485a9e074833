import { globSync } from 'node:fs'
import type { Conforming, Fixture } from '../../src/providers/testing/conformance/suite.ts'
import { FAMILIES } from '../../src/providers/registry.ts'
import type { Received } from '../harness/upstream.ts'
import type { Blame, Loose } from './loose.ts'
import { blameAnthropic } from './strict-anthropic.ts'
import { blameBedrock } from './strict-bedrock.ts'
import { blameChat } from './strict-chat.ts'
import { blameGemini } from './strict-gemini.ts'
import { blameCohere, blameOllama, blameResponses } from './strict-others.ts'

/** A strict fake for every family: it blames a request for whatever the provider would refuse. */
export const STRICT: Readonly<Record<string, (body: Loose, blame: Blame) => void>> = {
  'openai-chat': blameChat,
  'openai-responses': blameResponses,
  anthropic: blameAnthropic,
  gemini: blameGemini,
  bedrock: blameBedrock,
  ollama: blameOllama,
  cohere: blameCohere,
}

/** Every family that has been put to the test of the suite. */
export async function loadFamilies(): Promise<readonly Conforming[]> {
  const files = globSync('src/providers/*/testing/fixtures.ts').toSorted()
  const modules = await Promise.all(
    files.map((file) => import(new URL(`../../${file}`, import.meta.url).href) as Promise<{ conforming: Conforming }>),
  )
  return modules.map(({ conforming }) => conforming).filter(({ name }) => Object.hasOwn(FAMILIES, name))
}

/** What a family answers in a scenario; undefined where it has no such thing. */
export function answerIn(fixture: Fixture): Extract<Fixture, { answer: unknown }>['answer'] | undefined {
  return 'answer' in fixture ? fixture.answer : undefined
}

/** Everything that a request is wrong in. */
export function blamesOf(kind: string, { body }: Received): readonly string[] {
  const faults: string[] = []
  STRICT[kind]?.(body ?? {}, (fault) => faults.push(fault))
  return faults
}
