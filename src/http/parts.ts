import type { Authenticator } from '../accounts/keys.ts'
import type { Engine } from '../engine/engine.ts'
import type { Catalogue } from '../providers/routing.ts'
import type { Store } from '../store/store.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { FlushPace } from './flush-pace.ts'
import type { Stage } from './stage.ts'

/** What the HTTP layer is made of. */
export interface HttpParts {
  readonly engine: Engine
  readonly catalogue: Catalogue
  readonly authenticator: Authenticator
  readonly store: Store
  readonly logger: Logger
  readonly metrics: Metrics
  readonly pace: FlushPace
  readonly version: string
  /** Prefixes under which the API answers, such as `/v1`. */
  readonly basePaths: readonly string[]
  readonly limits: { readonly bodyBytesMax: number; readonly jsonDepthMax: number }
  readonly timeouts: { readonly keepalive_ms: number; readonly clientStall_ms: number }
  readonly stage: Pick<Stage, 'phase' | 'onStopped'>
  /** Whether the API is served here, or probes and metrics alone. */
  readonly servesApi: boolean
}
