import { performance } from 'node:perf_hooks'
import { Counter, Gauge, type Registry } from 'prom-client'

/** A figure of the process, under the name that dashboards know. */
interface Figure {
  readonly name: string
  readonly help: string
  readonly kind: typeof Counter | typeof Gauge
  readonly read: () => number
}

const MICROSECONDS_PER_S = 1_000_000

const FIGURES: readonly Figure[] = [
  {
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process, of user and system.',
    kind: Counter,
    read() {
      const { user, system } = process.cpuUsage()
      return (user + system) / MICROSECONDS_PER_S
    },
  },
  {
    name: 'process_start_time_seconds',
    help: 'When the process began, in seconds since 1970.',
    kind: Gauge,
    read: () => performance.timeOrigin / 1000,
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process.',
    kind: Gauge,
    read: () => process.memoryUsage.rss(),
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    help: 'Memory that objects take.',
    kind: Gauge,
    read: () => process.memoryUsage().heapUsed,
  },
  {
    name: 'nodejs_external_memory_bytes',
    help: 'Memory outside the heap that objects hold, buffers among it.',
    kind: Gauge,
    read: () => process.memoryUsage().external,
  },
  {
    name: 'antiphon_event_loop_active_seconds_total',
    help: 'Time in which the event loop had something to do: its rate is how busy the process is.',
    kind: Counter,
    read: () => performance.eventLoopUtilization().active / 1000,
  },
]

/** Adds figures of the process, which are read when they are asked for: no timer, no observer. */
export function describeProcess(registry: Registry): void {
  for (const { name, help, kind: Kind, read } of FIGURES) {
    const shown: Counter | Gauge = new Kind({
      name,
      help,
      registers: [registry],
      collect() {
        shown.reset()
        shown.inc(read())
      },
    })
  }
}
