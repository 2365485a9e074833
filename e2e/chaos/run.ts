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
  /** URL of the storage; fresh SQLite files where absent. */
  readonly store: string | undefined
  readonly patience: Patience
  /** Whether servers also stand still for a while. */
  readonly hasPauses: boolean
  /** Whether data files stay where something was wrong. */
  readonly keepsFolders: boolean
  /** Stops after a data file, once so much time has passed, in milliseconds. */
  readonly time_ms: number
  /** Is told how far it has come, after every data file. */
  readonly onProgress: (figures: Figures) => void
}

/** Cycles of one data file. A run of another length, or from another first cycle, has the same files. */
export const FILE_CYCLES = 50

/** Goes through all cycles, a data file after the other. */
export async function runChaos(options: RunOptions): Promise<Figures> {
  const { first, cycles, time_ms, onProgress, keepsFolders: keepsFolder, ...rest } = options
  const figures = new Figures()
  const start_ms = performance.now()
  const end = first + cycles
  for (let next = first; next < end && performance.now() - start_ms < time_ms;) {
    const length = Math.min(FILE_CYCLES - (next % FILE_CYCLES), end - next)
    await runGeneration({ ...rest, first: next, cycles: length, keepsFolder }, figures)
    next += length
    onProgress(figures)
  }
  return figures
}
