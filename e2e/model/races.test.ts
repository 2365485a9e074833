import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Response as ModelResponse } from '../../src/protocol/response.ts'
import { createRandom, type Random } from '../fuzz/random.ts'
import { eventsIn, MODEL, startModelStage, type Answer } from './stage.ts'

/** How many races there are; `npm run soak:races` has 2,000. */
const RACES = Number(process.env['RACES'] ?? 200)

/** Races at the same time. */
const LANES = 2

const ENDED: ReadonlySet<string> = new Set(['completed', 'incomplete', 'failed', 'cancelled'])

const stage = await startModelStage()
after(() => stage.close())

/** What a stream gave. */
interface Stream {
  /** As text. */
  readonly events: readonly string[]
  /** Whether it ended without its mark. */
  readonly isCut: boolean
}

/** What the witnesses of one race have seen. */
interface Race {
  /** Every snapshot that had ended, as text. */
  readonly endings: string[]
  readonly streams: readonly Stream[]
  readonly isDeleted: boolean
}

test(`R-02, R-04: ${RACES} races of cancel, complete and delete: no flips, and no readers that disagree`, async () => {
  const [random, tally] = [
    createRandom(1),
    { cancelled: 0, completed: 0, deleted: 0, flips: 0, disagreeing: 0, cut: 0 },
  ]
  let next = 0
  const run = async () => {
    for (let number = next++; number < RACES; number = next++) await judge(await race(number, random), tally)
  }
  await Promise.all(Array.from({ length: LANES }, run))
  assert.deepEqual([tally.flips, tally.disagreeing, tally.cut], [0, 0, 0])
  assert.equal(tally.cancelled + tally.completed + tally.deleted, RACES)
  for (const end of ['cancelled', 'completed', 'deleted'] as const)
    assert.ok(tally[end] > RACES / 50, JSON.stringify(tally))
})

/** Counts how a race has ended, and what its witnesses do not agree on. */
async function judge({ endings, streams, isDeleted }: Race, tally: Record<string, number>): Promise<void> {
  const count = (name: string, by = 1) => (tally[name] = (tally[name] ?? 0) + by)
  const different = new Set(endings).size
  if (different > 1) count('flips')
  const told = streams.map(({ events }) => events)
  const [longest = []] = told.toSorted((one, other) => other.length - one.length)
  count('disagreeing', Number(told.some((events) => events.some((event, index) => event !== longest[index]))))
  if (!isDeleted) count('cut', Number(streams.some(({ isCut }) => isCut)))
  const last = longest.at(-1)
  if (last !== undefined && !isDeleted && statusIn(last) !== statusIn(endings[0] ?? '')) count('disagreeing')
  count(isDeleted ? 'deleted' : statusIn(endings[0] ?? ''))
}

async function race(number: number, random: Random): Promise<Race> {
  const tag = `race-${number}`
  const input = `Say it. [tag:${tag}] [do: chunks=4 hold@2]`
  const id = idIn(await stage.ask('mine', 'POST', '/responses', { model: MODEL, input, background: true }))
  const path = `/responses/${id}`
  await stage.upstream.until(tag, ({ held }) => held === 1)
  const [endings, streams] = [[] as string[], [] as Stream[]]
  const see = ({ status, text }: Answer) => {
    if (status === 200 && ENDED.has(statusIn(text))) endings.push(text)
    return { status, text }
  }
  const stop = new AbortController()
  const witnesses = [poll(path, see, stop.signal), ...[0, 1].map(async () => streams.push(await read(path)))]
  const isDeleting = random.chance(1 / 3)
  const acts = [
    async () => void see(await stage.ask('mine', 'POST', `${path}/cancel`)),
    () => stage.upstream.release(tag),
    ...(isDeleting ? [() => remove(path)] : []),
  ]
  await Promise.all(shuffled(acts, random).map((act) => act()))
  if (!isDeleting) await until(async () => ENDED.has(statusIn(see(await stage.ask('mine', 'GET', path)).text)))
  stop.abort()
  await Promise.all(witnesses)
  const final = see(await stage.ask('mine', 'GET', path))
  if (!isDeleting) streams.push(await read(path))
  assert.equal(final.status, isDeleting ? 404 : 200)
  return { endings, streams, isDeleted: isDeleting }
}

/** Deletes it: from then on it is not there. */
async function remove(path: string): Promise<void> {
  assert.equal((await stage.ask('mine', 'DELETE', path)).status, 200)
  assert.equal((await stage.ask('mine', 'GET', path)).status, 404)
}

/** Looks again and again. */
async function poll(path: string, see: (answer: Answer) => unknown, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) see(await stage.ask('mine', 'GET', path))
}

/** The events of a stream, however it ends: a deletion cuts it, at its head perhaps. */
async function read(path: string): Promise<Stream> {
  let text = ''
  try {
    const answer = await stage.open('mine', 'GET', `${path}?stream=true`)
    if (answer.status !== 200) return { events: [], isCut: false }
    for await (const piece of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) text += piece
    return { events: eventsIn(text), isCut: !text.endsWith('data: [DONE]\n\n') }
  } catch {
    return { events: eventsIn(text.slice(0, text.lastIndexOf('\n\n') + 2)), isCut: true }
  }
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 10_000; looks++) if (await isTrue()) return
  assert.fail('It has never come true.')
}

function statusIn(text: string): string {
  const parsed = JSON.parse(text === '' ? '{}' : text) as { status?: string; response?: Partial<ModelResponse> }
  return parsed.status ?? parsed.response?.status ?? ''
}

function idIn({ text }: Answer): string {
  return /"id":"(resp_\w+)"/.exec(text)?.[1] ?? assert.fail(text.slice(0, 200))
}

function shuffled<Item>(items: readonly Item[], random: Random): readonly Item[] {
  return items
    .map((item) => ({ item, place: random.below(2 ** 30) }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ item }) => item)
}
