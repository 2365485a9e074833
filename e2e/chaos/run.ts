import { join } from 'node:path'
import { Figures } from './figures.ts'
import { runGeneration, type GenerationOptions } from './generation.ts'

/** A whole run: the cycles of many data files. */
export interface RunOptions extends Omit<GenerationOptions, 'keepsFolder'> {
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
