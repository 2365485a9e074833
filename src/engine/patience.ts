import { StoreUnavailable } from '../store/store.ts'
import { errorFacts } from '../telemetry/log.ts'
import type { RoundTools } from './rounds.ts'

/**
 * Does something as soon as the storage is there, and tries it again until then.
 *
 * @throws What has nothing to do with waiting; the signal's reason.
 */
export async function onceThere<Done>(
  act: () => Promise<Done>,
  { pause_ms, clock, logger, signal }: RoundTools & { readonly pause_ms: number },
): Promise<Done> {
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      logger.error(errorFacts(error), 'the storage is not there yet, trying again')
      await clock.sleep(pause_ms, signal)
    }
  }
}
