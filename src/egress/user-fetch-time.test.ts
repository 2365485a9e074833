import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { apiFault } from '../core/testing/api-fault.ts'
import { openSmallWeb, PNG, type WebOptions } from './testing/small-web.ts'

const URL_OF_IMAGE = 'https://images.example/cat.png'

/** Each with how far it gets: a name that is looked up, a socket, a request. */
const slow: readonly (WebOptions & { how: string; ms: number; gets: 'nowhere' | 'sockets' | 'requests' })[] = [
  { how: 'is looked up for ever', resolve: () => new Promise(() => {}), ms: 10_000, gets: 'nowhere' },
  { how: 'never greets', isMute: true, ms: 10_000, gets: 'sockets' },
  { how: 'never answers', handler: () => {}, ms: 10_000, gets: 'requests' },
  {
    how: 'gives hints and no answer',
    handler: (_, response) => response.writeEarlyHints({ link: '</a>; rel=preload' }),
    ms: 10_000,
    gets: 'requests',
  },
  { how: 'stops amid its body', handler: (_, response) => void response.write(PNG), ms: 30_000, gets: 'requests' },
]
for (const { how, ms, gets, ...options } of slow) {
  /** Begins to fetch, and gets as far as the server lets one. */
  const begin = async (context: TestContext, signal: AbortSignal) => {
    const web = await openSmallWeb(context, options)
    const fetching = web.fetchImage(URL_OF_IMAGE, signal)
    fetching.catch(() => {})
    const timers = ms === 10_000 ? 2 : 1
    while ((gets !== 'nowhere' && web[gets].length === 0) || web.clock.sleepers().length !== timers) await turn()
    return { ...web, fetching }
  }
  const closed = async (sockets: readonly Socket[]) => {
    for (const socket of sockets) if (!socket.destroyed) await once(socket, 'close')
  }

  test(`A server that ${how} is waited for ${ms} ms, and no longer`, async (context) => {
    const { signal } = new AbortController()
    const { fetching, clock, sockets } = await begin(context, signal)
    let isOver = false
    fetching.catch(() => (isOver = true))
    await clock.pass(ms - 1)
    assert.equal(isOver, false)
    await clock.pass(1)
    await assert.rejects(
      fetching,
      apiFault('invalid_image_url', 'input', `The image URL must lead to something within ${ms} ms.`),
    )
    await closed(sockets)
    assert.deepEqual(clock.sleepers(), [])
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  test(`Whoever waits for a server that ${how} can leave`, async (context) => {
    const control = new AbortController()
    const { fetching, clock, sockets } = await begin(context, control.signal)
    const reason = new Error('Enough.')
    control.abort(reason)
    await assert.rejects(fetching, (error) => error === reason)
    await closed(sockets)
    assert.deepEqual(clock.sleepers(), [])
  })
}

test('Whoever has left already reaches nobody', async (context) => {
  const { fetchImage, connections } = await openSmallWeb(context)
  const reason = new Error('Enough.')
  await assert.rejects(fetchImage(URL_OF_IMAGE, AbortSignal.abort(reason)), (error) => error === reason)
  assert.deepEqual(connections, [])
})
