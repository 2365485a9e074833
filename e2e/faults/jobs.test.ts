import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemIn, setStage, type Told } from './stage.ts'

const QUEUE_MAX = 3

const stage = await setStage({ background: { concurrency: 1, queue_max: QUEUE_MAX, sweep_ms: 50 } })
const { ask, upstream } = stage

test('O-02: a queue that is full refuses jobs before they are accepted, and none that was accepted is lost', async () => {
  const job = (words: string) => ask(words, { background: true })
  const running = (await (await job('[tag:first] [do: hold]')).json()) as Told
  await upstream.until('first', ({ held }) => held === 1)
  const accepted: string[] = []
  for (let index = 0; index < QUEUE_MAX; index++) {
    const answer = await job(`[tag:waiting-${index}]`)
    assert.equal(answer.status, 202)
    accepted.push(((await answer.json()) as Told).id)
  }
  const refused = await job('[tag:refused]')
  assert.deepEqual(await problemIn(refused).then(({ status, code }) => [status, code]), [503, 'queue_full'])
  const wait_s = Number(refused.headers.get('retry-after'))
  assert.ok(wait_s >= 1 && wait_s <= 60)
  assert.equal((await ask('')).status, 200, 'whoever waits for an answer has no queue')
  await upstream.release('first')
  for (const id of [running.id, ...accepted]) await stage.retrieveUntil(id, ({ status }) => status === 'completed')
  assert.equal((await upstream.counts('refused')).received, 0)
})

test('R-08: whoever polls while a job runs sees it grow, and whole once it has ended', async () => {
  const { id } = (await (await ask('[tag:polled] [do: chunks=60 pace=3]', { background: true })).json()) as Told
  const whole = Array.from({ length: 60 }, (_, index) => `polled-1-${index} `).join('')
  const poll = async () => {
    let seen = await stage.retrieve(id)
    for (let last = ''; seen.status !== 'completed'; seen = await stage.retrieve(id)) {
      assert.match(seen.status, /^(?:queued|in_progress)$/)
      assert.equal(seen.usage, null)
      assert.ok(whole.startsWith(seen.output_text) && seen.output_text.startsWith(last))
      last = seen.output_text
    }
    assert.equal(seen.output_text, whole)
    assert.ok(seen.usage !== null && seen.output.every(({ status }) => status === 'completed'))
    return seen
  }
  const ends = await Promise.all(Array.from({ length: 10 }, poll))
  for (const end of ends) assert.deepEqual(end, ends[0])
})
