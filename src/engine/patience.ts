import { StoreUnavailable } from '../store/store.ts'
import { errorFacts } from '../telemetry/log.ts'
import type { RoundTools } from './rounds.ts'

/** What waiting for the storage needs. */
export interface Patience extends RoundTools {
  /** Time between two tries, in milliseconds. */
  readonly pause_ms: number
  /** What the log is told besides. */
  readonly facts?: Readonly<Record<string, string>>
}

/**
 * Does something as soon as the storage is there, and tries it again until then.
 *
 * @throws What has nothing to do with waiting; the signal's reason.
 */
export async function onceThere<Done>(act: () => Promise<Done>, patience: Patience): Promise<Done> {
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      const { pause_ms, clock, logger, signal, facts } = patience
      logger.error({ ...facts, ...errorFacts(error) }, 'the storage is not there yet, trying again')
      await clock.sleep(pause_ms, signal)
    }
  }
}
