import { globSync } from 'node:fs'
import { sep } from 'node:path'
import type { Conforming, Fixture } from '../../src/providers/testing/conformance/suite.ts'
import { FAMILIES } from '../../src/providers/registry.ts'
import type { Blame, Loose } from '../../src/providers/testing/strict.ts'
import type { Received } from '../harness/upstream.ts'

type Strict = (body: Loose, blame: Blame) => void

/** A strict fake for every family: it blames a request for whatever the provider would refuse. */
export const STRICT: ReadonlyMap<string, Strict> = new Map(
  await Promise.all(
    globSync('src/providers/*/testing/strict.ts').map(async (file): Promise<[string, Strict]> => {
      const url = new URL(`../../${file}`, import.meta.url)
      const { blameRequest } = (await import(url.href)) as { blameRequest: Strict } // Each of them exports one.
      return [file.split(sep)[2] ?? '', blameRequest]
    }),
  ),
)

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
  STRICT.get(kind)?.(body ?? {}, (fault) => faults.push(fault))
  return faults
}
