import type { Overrides } from '../config/load.ts'

/** What the words of the command line mean. */
export interface Words {
  readonly positionals: readonly string[]
  readonly overrides: Overrides
  readonly account: string | undefined
}
