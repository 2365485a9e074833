import { join } from 'node:path'
import { Figures } from './figures.ts'
import { runGeneration } from './generation.ts'
import type { Patience } from './recovery.ts'

/** A whole run. */
export interface RunOptions {
  readonly seed: number
  /** Number of the first cycle. */
  readonly first: number
  readonly cycles: number
  /** The file that Node runs. */
  readonly main: string
  /** Makes a storage that is empty. @returns its URL. */
  readonly freshStore: (folder: string) => Promise<string>
  readonly patience: Patience
  /** Whether servers also stand still for a while. */
  readonly hasPauses: boolean
  /** Whether data files stay where something was wrong. */
  readonly keepsFolders: boolean
  /** Is told how far it has come, after every data file. */
  readonly onProgress: (figures: Figures) => void
}

/** A SQLite file. */
export const freshSqlite = async (folder: string) => `sqlite:${join(folder, 'data', 'antiphon.db')}`

/** Cycles of one data file. A run of another length, or from another first cycle, has the same files. */
export const FILE_CYCLES = 50

/** Goes through all cycles, a data file after the other. */
export async function runChaos(options: RunOptions): Promise<Figures> {
  const { first, cycles, onProgress, keepsFolders: keepsFolder, ...rest } = options
  const figures = new Figures()
  const end = first + cycles
  for (let next = first; next < end;) {
    const length = Math.min(FILE_CYCLES - (next % FILE_CYCLES), end - next)
    await runGeneration({ ...rest, first: next, cycles: length, keepsFolder }, figures)
    next += length
    onProgress(figures)
  }
  return figures
}
