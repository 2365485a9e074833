import { init, type EChartsOption } from 'echarts'
import type { Report } from './report.ts'
import type { Cost } from './scenarios/cost.ts'
import { median } from './statistics.ts'

/** Size of a chart, in pixels. */
const SIZE = { width: 720, height: 360 }

const UNDER_AXIS = { nameLocation: 'middle', nameGap: 26 } as const

const NAMES = { pipe: 'raw pipe', antiphon: 'Antiphon' } as const

/** The curves of a report, by the name of their file: of what was left out there is none. */
export function drawCharts(report: Report): ReadonlyMap<string, string> {
  const charts: [name: string, option: EChartsOption | undefined][] = [
    ['json-request', costOption(report, 'CPU of a stored JSON request (µs)', ({ json_us }) => json_us)],
    [
      'streamed-request',
      costOption(report, 'CPU of a streamed request without its chunks (µs)', ({ stream_us }) => stream_us),
    ],
    ['lone-chunk', costOption(report, 'CPU of a chunk that comes alone (µs)', ({ chunk_us }) => chunk_us)],
    ['thread', threadOption(report)],
    ['latency', latencyOption(report)],
  ]
  return new Map(charts.flatMap(([name, option]) => (option === undefined ? [] : [[name, svgOf(option)]])))
}

function svgOf(option: EChartsOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...SIZE })
  chart.setOption({ animation: false, backgroundColor: '#fff', legend: { bottom: 0 }, ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

function costOption({ costs }: Report, text: string, read: (cost: Cost) => number): EChartsOption | undefined {
  if (costs === undefined) return undefined
  const line = (side: keyof typeof NAMES) => ({
    name: NAMES[side],
    type: 'line' as const,
    data: costs.map(({ cost }) => Math.round(median(cost[side].map(read)) * 10) / 10),
    label: { show: true },
  })
  return {
    title: { text, textStyle: { fontSize: 14 } },
    xAxis: { type: 'category', ...UNDER_AXIS, name: 'connections', data: costs.map(({ connections }) => connections) },
    yAxis: { type: 'value', min: 0 },
    series: [line('pipe'), line('antiphon')],
  }
}

function threadOption({ thread }: Report): EChartsOption | undefined {
  if (thread === undefined) return undefined
  const line = (name: string, data: readonly number[]) => ({
    name,
    type: 'line' as const,
    showSymbol: false,
    data: data.map((cost_us, place) => [place + 1, Math.round(cost_us)]),
  })
  return {
    title: { text: 'CPU of turn n of a thread (µs)', textStyle: { fontSize: 14 } },
    xAxis: { type: 'value', ...UNDER_AXIS, name: 'turn', min: 1, max: thread.chained_us.length },
    yAxis: { type: 'value', min: 0 },
    series: [line('chained', thread.chained_us), line('carried in the request', thread.carried_us)],
  }
}

function latencyOption({ latency }: Report): EChartsOption | undefined {
  if (latency === undefined) return undefined
  const bars = (side: keyof typeof NAMES) => ({
    name: NAMES[side],
    type: 'bar' as const,
    label: { show: true, position: 'top' as const },
    data: [
      latency[side].map(({ first }) => first.p50),
      latency[side].map(({ first }) => first.p99),
      latency[side].map(({ chunk }) => chunk.p50),
      latency[side].map(({ chunk }) => chunk.p99),
    ].map((values) => Math.round(median(values) * 100) / 100),
  })
  return {
    title: { text: 'Delays at 200 streams a second (ms)', textStyle: { fontSize: 14 } },
    xAxis: { type: 'category', data: ['first token, p50', 'first token, p99', 'event, p50', 'event, p99'] },
    yAxis: { type: 'value' },
    series: [bars('pipe'), bars('antiphon')],
  }
}
