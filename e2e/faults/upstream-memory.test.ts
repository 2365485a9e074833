import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { spawnFaultUpstream } from '../harness/fault-upstream.ts'
import { collect } from '../harness/heap.ts'
import { startTestServer } from '../harness/server.ts'
import { endingOf } from './stage.ts'

const upstream = await spawnFaultUpstream()
const server = await startTestServer({ providers: { up: { kind: 'openai-chat', base_url: upstream.baseUrl } } })
after(async () => {
  await server.close()
  await upstream.close()
})

const ask = async (words: string) =>
  endingOf(await (await server.post('/responses', { model: 'up/any', input: words, stream: true })).text())

/** The most that is resident while something is done, beyond what was before. */
async function growth(act: () => Promise<unknown>): Promise<number> {
  collect()
  const before = process.memoryUsage.rss()
  let most = before
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5)
  await act()
  clearInterval(watch)
  return most - before
}

test('U-13: a line of 50 MB in an answer is refused, and not kept', async (t) => {
  await ask('[do: chunks=100]') // Everything is compiled and opened for it.
  await ask('[do: line@1 size=5000000]')
  const held = await growth(async () => {
    const { final, code } = await ask('[tag:line] [do: line@1 size=50000000]')
    assert.deepEqual([final.status, code], ['failed', 'upstream_invalid_response'])
  })
  t.diagnostic(`${(held / 1e6).toFixed(1)} MB`)
  assert.ok(held < 20e6, `${held} bytes`)
  const { aborted } = await upstream.until('line', ({ open }) => open === 0)
  assert.equal(aborted, 1)
})
