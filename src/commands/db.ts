import { access } from 'node:fs/promises'
import { loadConfig, type Environment } from '../config/load.ts'
import { systemClock } from '../engine/clock.ts'
import { openStore, sqlitePath } from '../open-storage.ts'
import { fail, say } from './console.ts'
import type { Words } from './words.ts'

/** `antiphon db check`: reads everything that is stored. @returns the exit code: 1 where something is wrong with it. */
export async function runDb({ positionals, overrides }: Words, environment: Environment): Promise<number> {
  if (positionals.join(' ') !== 'check') return fail('Say antiphon db check.')
  const { store: url } = await loadConfig(overrides, environment)
  if (url === 'memory:') return fail('A memory: store goes with its process: there is nothing to check.')
  const path = sqlitePath(url)
  if (path !== undefined && !(await isThere(path))) return fail(`There is no database ${path}.`)
  const store = await openStore(url, systemClock)
  let problems = 0
  try {
    const { responses } = await store.upkeep.check((problem) => {
      problems++
      fail(problem)
    })
    if (problems === 0) return say(`Nothing is wrong with ${countOf(responses, 'response')}.`)
    return fail(
      `${countOf(problems, 'problem')} in ${countOf(responses, 'response')}: restore a backup, or delete what is named.`,
    )
  } finally {
    await store.close()
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
