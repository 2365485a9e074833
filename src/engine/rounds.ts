import { errorFacts, type Logger } from '../telemetry/log.ts'
import type { Clock } from './clock.ts'

/** What a round needs. */
export interface RoundTools {
  readonly clock: Clock
  readonly logger: Logger
  /** Ends the rounds. */
  readonly signal: AbortSignal
}

/** Does something again and again, with a pause before each time. What fails is tried again in the next round. */
export async function every(
  ms: number,
  act: () => Promise<void>,
  { clock, logger, signal }: RoundTools,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(ms, signal).catch(() => {})
    if (signal.aborted) return
    await act().catch((error: unknown) => logger.error(errorFacts(error), 'a round of background work failed'))
  }
}
