import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { startTestServer, type TestServer } from '../harness/server.ts'
import { says, startUpstream, type Upstream } from '../harness/upstream.ts'

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')

let upstream: Upstream
let server: TestServer
let origin = ''
let asked = 0
/** Where images of users are: a private origin that the operator allows. */
const images = createServer((_, response) => {
  asked++
  response.end(PNG)
})

before(async () => {
  images.listen(0, '127.0.0.1')
  await once(images, 'listening')
  origin = `http://127.0.0.1:${(images.address() as AddressInfo).port}` // It listens on a port.
  upstream = await startUpstream()
  upstream.answer(() => says('I see.'))
  server = await startTestServer({
    providers: { local: { kind: 'openai-chat', base_url: upstream.baseUrl } },
    settings: { egress: { allow: [origin] } },
  })
})

after(async () => {
  await server.close()
  await upstream.close()
})

const ask = (content: object[], rest: object = {}) =>
  server.post('/responses', { model: 'local/m', input: [{ role: 'user', content }], ...rest })
const image = (url: string) => ({ type: 'input_image', image_url: url })

test('A provider in a private network gets what a URL leads to; the thread goes on when the link has died', async () => {
  const first = await ask([image(`${origin}/cat.png`)])
  assert.equal(first.status, 200)
  const { id } = (await first.json()) as { id: string }
  const data = `data:image/png;base64,${PNG.toString('base64')}`
  const shown = { role: 'user', content: [{ type: 'image_url', image_url: { url: data } }] }
  assert.deepEqual(upstream.received.at(-1)?.body?.['messages'], [shown])

  const items = (await (await server.get(`/responses/${id}/input_items`)).json()) as { data: { content: unknown }[] }
  assert.deepEqual(items.data[0]?.content, [image(`${origin}/cat.png`)])

  images.close()
  images.closeAllConnections()
  const again = await ask([{ type: 'input_text', text: 'And now?' }], { previous_response_id: id })
  assert.equal(again.status, 200)
  assert.match(again.headers.get('antiphon-warnings') ?? '', /earlier turns were left out/)
  const told = JSON.stringify(upstream.received.at(-1)?.body?.['messages'])
  assert.match(told, /^\[\{"role":"user","content":"\(An image is left out here\.\)"\}/)
})

test('What is not allowed is refused, and nobody is asked', async () => {
  const before_ = { asked, received: upstream.received.length }
  for (const url of ['http://127.0.0.1:1/cat.png', 'https://169.254.169.254/latest', 'https://localhost/cat.png']) {
    const response = await ask([image(url)])
    const { error } = (await response.json()) as { error: { code: string; param: string } }
    assert.deepEqual([response.status, error.code, error.param], [400, 'invalid_image_url', 'input'])
  }
  assert.deepEqual({ asked, received: upstream.received.length }, before_)
})
