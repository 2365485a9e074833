import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createRandom, type Random } from '../fuzz/random.ts'
import { eventsIn, MODEL, startModelStage } from './stage.ts'

/** How many streams are cut; `npm run soak:resume` has 1,000. */
const STREAMS = Number(process.env['STREAMS'] ?? 100)

/** Streams at the same time. */
const LANES = 4

/** A server is stopped and started again after so many streams. */
const RESTART_EVERY = 50

/** Most times that a stream is resumed. */
const RESUMES_MAX = 20

const stage = await startModelStage()
after(() => stage.close())

test(`G13: ${STREAMS} streams, cut anywhere and resumed again and again, are what is stored, byte for byte`, async () => {
  const random = createRandom(1)
  const tally = { cuts: 0, restarts: 0, failed: 0 }
  let next = 0
  let restarting = Promise.resolve()
  const run = async () => {
    for (let number = next++; number < STREAMS; number = next++) {
      const cutting = cutAndResume(number, random, tally)
      if (number % RESTART_EVERY === RESTART_EVERY - 1) {
        tally.restarts++
        restarting = restarting.then(() => stage.restart())
      }
      await cutting
    }
  }
  await Promise.all(Array.from({ length: LANES }, run))
  await restarting
  assert.ok(tally.cuts > STREAMS, JSON.stringify(tally))
  assert.equal(tally.restarts, Math.floor(STREAMS / RESTART_EVERY))
})

/** One stream: what its client has put together in the end, against what is stored. */
async function cutAndResume(number: number, random: Random, tally: { cuts: number }): Promise<void> {
  const chunks = 1 + random.below(12)
  const body = {
    model: MODEL,
    input: `Say it. [tag:stream-${number}] [do: chunks=${chunks} pace=${random.below(3)}]`,
    ...(random.chance(0.5) ? { background: true } : { stream: true }),
  }
  let [id, events] = ['', [] as string[]]
  for (let tries = 0; id === ''; tries++) {
    assert.ok(tries < 100, 'no stream could be begun')
    const begun = await begin(body, random.below(chunks + 6))
    id = begun.id
    events = begun.events
  }
  const resumes = 1 + random.below(RESUMES_MAX)
  for (let resume = 1; ; resume++) {
    const isLast = resume >= resumes
    tally.cuts++
    const [isHeader, count] = [random.chance(0.5), isLast ? Number.POSITIVE_INFINITY : random.below(8)]
    const more = await read(() => goOn(id, { after: events.length - 1, isHeader }), count)
    events.push(...more.events)
    if (more.isDone) break
    assert.ok(resume < 1000, 'a stream has no end')
  }
  const whole = await wholeOf(id)
  assert.deepEqual(events, whole, `stream ${number}`)
  const numbers = events.map((event) => (JSON.parse(event) as { sequence_number: number }).sequence_number)
  assert.deepEqual(numbers, [...numbers.keys()])
}

/** Begins a stream, and reads so many events; a background response is read by another request. */
async function begin(body: object, count: number): Promise<{ id: string; events: string[] }> {
  const isStream = 'stream' in body
  const post = () => stage.open('mine', 'POST', '/responses', { body: JSON.stringify(body) })
  if (isStream) {
    const { events } = await read(post, Math.max(1, count))
    return { id: idIn(events[0] ?? ''), events }
  }
  const id = idIn(
    await post().then(
      (answer) => answer.text(),
      () => '',
    ),
  )
  if (id === '') return { id, events: [] }
  return { id, events: (await read(() => goOn(id, { after: -1, isHeader: false }), count)).events }
}

interface Place {
  /** Number of the last event that the client has; -1 for none. */
  readonly after: number
  readonly isHeader: boolean
}

function goOn(id: string, { after: last, isHeader }: Place): Promise<Response> {
  const path = `/responses/${id}?stream=true`
  if (last < 0) return stage.open('mine', 'GET', path)
  if (isHeader) return stage.open('mine', 'GET', path, { headers: { 'last-event-id': String(last) } })
  return stage.open('mine', 'GET', `${path}&starting_after=${last}`)
}

/** Reads so many events and hangs up, wherever in the bytes that is; or reads to the end. A server may be away. */
async function read(ask: () => Promise<Response>, count: number): Promise<{ events: string[]; isDone: boolean }> {
  let text = ''
  try {
    const answer = await ask()
    if (answer.status !== 200) return { events: [], isDone: false }
    for await (const piece of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += piece
      if (eventsIn(text).length >= count) break
    }
  } catch {
    // It was cut by the other side: what has come counts.
  }
  const blocks = text.slice(0, text.lastIndexOf('\n\n') + 2)
  const events = eventsIn(blocks).slice(0, count)
  return { events, isDone: blocks.endsWith('data: [DONE]\n\n') && events.length === eventsIn(blocks).length }
}

/** All of a stream that has ended. */
async function wholeOf(id: string): Promise<readonly string[]> {
  for (let tries = 0; tries < 100; tries++) {
    const { events, isDone } = await read(() => goOn(id, { after: -1, isHeader: false }), Number.POSITIVE_INFINITY)
    if (isDone) return events
  }
  return assert.fail(`${id} cannot be read`)
}

function idIn(text: string): string {
  return /"id":"(resp_\w+)"/.exec(text)?.[1] ?? ''
}
