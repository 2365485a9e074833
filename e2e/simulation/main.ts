/**
 * `npm run simulate`: runs many schedules of several simulated processes on one simulated storage, and says what is
 * wrong with any of them. `SEED` is the first schedule (1), `COUNT` is how many there are (20,000). With `COUNT=1`
 * everything that happens is told.
 */
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { addUp, describe, type Findings } from './batch.ts'
import { runSchedule } from './schedule.ts'

const first = Number(process.env['SEED'] ?? 1)
const count = Number(process.env['COUNT'] ?? 20_000)
const say = (text: string) => process.stdout.write(`${text}\n`)
const broken = count === 1 ? await replay() : await runAll()
process.exitCode = broken === 0 ? 0 : 1

async function replay(): Promise<number> {
  const outcome = await runSchedule(first, { trace: say })
  say(outcome.violations.length === 0 ? 'Nothing is wrong.' : describe(outcome))
  return outcome.violations.length
}

async function runAll(): Promise<number> {
  const threads = Math.min(availableParallelism(), count)
  const begun_ms = performance.now()
  const findings = await Promise.all(
    Array.from({ length: threads }, (_, index) =>
      runThread({ first: first + index, count: Math.floor((count + threads - 1 - index) / threads), step: threads }),
    ),
  )
  const seconds = (performance.now() - begun_ms) / 1000
  const figures = findings.reduce<Readonly<Record<string, number>>>((sum, part) => addUp(sum, part.figures), {})
  for (const outcome of findings.flatMap((part) => part.broken)) say(describe(outcome))
  say(
    Object.entries(figures)
      .map(([name, value]) => `${value.toLocaleString('en')} ${name}`)
      .join(', '),
  )
  say(`${seconds.toFixed(1)} s, ${Math.round((figures['schedules'] ?? 0) / seconds)} schedules per second`)
  return findings.flatMap((part) => part.broken).length
}

async function runThread(batch: { first: number; count: number; step: number }): Promise<Findings> {
  const thread = new Worker(new URL('./thread.ts', import.meta.url), { workerData: batch })
  const [findings] = (await once(thread, 'message')) as [Findings] // What the thread sends.
  return findings
}
