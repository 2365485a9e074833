import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { AnsweredRequest, EndedRun, Metrics } from './metrics.ts'
import { describeProcess } from './process-metrics.ts'

/** Upper bounds in seconds: from a health probe to the longest response. */
const DURATION_BUCKETS_S = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900]

/** Methods that have a name of their own; Node takes thirty more, from any client. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Counts for Prometheus, in a registry of its own: two servers in one process do not mix. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const failures = tally(registry, {
    name: 'antiphon_model_calls_failed_total',
    help: 'Model calls that failed, also those that were tried again.',
    labels: ['provider', 'fault'],
  })
  const served = tally(registry, {
    name: 'antiphon_model_calls_served_total',
    help: 'Model calls that were answered, by whether it took a retry or a fallback.',
    labels: ['provider', 'outcome'],
  })
  const refused = tally(registry, {
    name: 'antiphon_model_calls_refused_total',
    help: 'Model calls that were kept from their provider.',
    labels: ['provider', 'reason'],
  })
  const running = level(registry, 'antiphon_responses_running', 'Responses that this process is working on.')
  const streams = level(registry, 'antiphon_open_streams', 'Answers that are being sent as they come.')
  const countRun = countRuns(registry)
  describeProcess(registry)
  return {
    requestAnswered: countRequests(registry),
    runStarted: () => void running.value++,
    runEnded(run) {
      running.value--
      countRun(run)
    },
    callFailed: (provider, fault) => void failures(provider, fault).value++,
    callServed: (provider, service) => void served(provider, service).value++,
    callRefused: (provider, reason) => void refused(provider, reason).value++,
    streamOpened: () => void streams.value++,
    streamClosed: () => void streams.value--,
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}

function countRequests(registry: Registry): Metrics['requestAnswered'] {
  const labels = ['method', 'route', 'status'] as const
  const requests = tally(registry, {
    name: 'antiphon_http_requests_total',
    help: 'Requests that were answered to the end.',
    labels,
  })
  const durations = new Histogram({
    name: 'antiphon_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer, streams included.',
    labelNames: labels,
    buckets: DURATION_BUCKETS_S,
    registers: [registry],
  })
  const observers = new Map<Sum, ReturnType<typeof durations.labels>>()
  return ({ method, route, status, duration_ms }: AnsweredRequest) => {
    const name = METHODS.has(method) ? method : 'other'
    const request = requests(name, route, String(status))
    request.value++
    let observer = observers.get(request)
    if (observer === undefined) {
      observer = durations.labels(name, route, String(status))
      observers.set(request, observer)
    }
    observer.observe(amount(duration_ms) / 1000)
  }
}

function countRuns(registry: Registry): (run: EndedRun) => void {
  const responses = tally(registry, {
    name: 'antiphon_responses_total',
    help: 'Responses that a provider was asked for and that are over, by how they ended.',
    labels: ['provider', 'status'],
  })
  const labels = ['provider'] as const
  const help = 'Tokens of responses, as their providers reported them or else estimated.'
  const input = tally(registry, { name: 'antiphon_input_tokens_total', help, labels })
  const output = tally(registry, { name: 'antiphon_output_tokens_total', help, labels })
  return ({ provider, outcome, usage }) => {
    responses(provider, outcome).value++
    if (usage === null) return
    input(provider).value += amount(usage.input_tokens)
    output(provider).value += amount(usage.output_tokens)
  }
}

/** What stands in one line of a counter or gauge. */
interface Sum {
  value: number
}

/** A counter by its labels. */
interface Tally {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
}

/** A counter that costs an addition: prom-client hears of the sums only when it is asked for them. */
function tally(registry: Registry, { name, help, labels }: Tally): (...values: readonly string[]) => Sum {
  const sums = new Map<string, Sum & { readonly labels: Record<string, string> }>()
  const counter = new Counter({
    name,
    help,
    labelNames: labels,
    registers: [registry],
    collect() {
      counter.reset()
      for (const sum of sums.values()) counter.inc(sum.labels, sum.value)
    },
  })
  return (...values) => {
    const key = values.join('\n')
    let sum = sums.get(key)
    if (sum === undefined) {
      sum = { value: 0, labels: Object.fromEntries(labels.map((label, index) => [label, values[index] ?? ''])) }
      sums.set(key, sum)
    }
    return sum
  }
}

/** A gauge that is read only when it is asked for. */
function level(registry: Registry, name: string, help: string): Sum {
  const sum: Sum = { value: 0 }
  const shown: Gauge = new Gauge({ name, help, registers: [registry], collect: () => shown.set(sum.value) })
  return sum
}

/** What prom-client takes without throwing: whatever a provider reports as its usage. */
function amount(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0
}
