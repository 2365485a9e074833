import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { NAUGHTY_STRINGS } from '../bad-input/naughty-strings.ts'
import { sendRaw } from '../bad-input/raw-http.ts'
import { startTestServer, TEST_KEY } from '../harness/server.ts'
import { DONE, startUpstream } from '../harness/upstream.ts'

const upstream = await startUpstream()
const server = await startTestServer({
  providers: { main: { kind: 'openai-chat', base_url: upstream.baseUrl, api_key: 'provider-key' } },
  store: 'sqlite',
})
after(async () => {
  await server.close()
  await upstream.close()
})

/** Every property of every prototype that keys of a request might reach. */
function prototypes(): string {
  const shapes = [Object, Array, Function, String, Number, Boolean, Map, Set, Promise, Error, RegExp, Date, Buffer]
  const rows = shapes.map(({ name, prototype }) => {
    const properties = Reflect.ownKeys(prototype as object).map((key) => {
      const { value, writable, enumerable } = Object.getOwnPropertyDescriptor(prototype, key) ?? {}
      return [String(key), typeof value === 'string' ? value : typeof value, writable, enumerable]
    })
    return [name, properties]
  })
  return JSON.stringify(rows)
}

const before = prototypes()
const POLLUTION = '{"polluted":true,"toString":"polluted","isAdmin":true,"then":1}'
const HOSTILE = `"__proto__":${POLLUTION},"constructor":{"prototype":${POLLUTION}},"prototype":${POLLUTION}`

const BODIES: Readonly<Record<string, string>> = {
  'on the top level': `{"model":"demo","input":"x",${HOSTILE}}`,
  'in metadata': '{"model":"demo","input":"x","metadata":{"__proto__":"polluted","constructor":"x","toString":"y"}}',
  'in metadata, of the wrong type': `{"model":"demo","input":"x","metadata":{${HOSTILE}}}`,
  'in an item': `{"model":"demo","input":[{"role":"user","content":"x",${HOSTILE}}]}`,
  'in a part': `{"model":"demo","input":[{"role":"user","content":[{"type":"input_text","text":"x",${HOSTILE}}]}]}`,
  'in a tool': `{"model":"demo","input":"x","tools":[{"type":"function","name":"__proto__","parameters":{${HOSTILE}},${HOSTILE}}]}`,
  'in a schema': `{"model":"demo","input":"x","text":{"format":{"type":"json_schema","name":"constructor","schema":{"properties":{${HOSTILE}}}}}}`,
  'in reasoning': `{"model":"main/x","input":"x","reasoning":{"effort":"low",${HOSTILE}},"text":{${HOSTILE}}}`,
  'as a model': '{"model":"__proto__/constructor","input":"x"}',
  'as an item id':
    '{"model":"demo","input":[{"role":"user","content":"x","id":"__proto__"},{"type":"item_reference","id":"__proto__"}]}',
  'with a lone surrogate beside': `{"model":"demo","input":"\\ud800",${HOSTILE}}`,
}

for (const [name, body] of Object.entries(BODIES)) {
  test(`S-26: keys of Object ${name} change no prototype`, async () => {
    upstream.answer(() => ({
      chunks: [
        `data: {"choices":[{"index":0,"delta":{"content":"x",${HOSTILE}},"finish_reason":"stop"}],${HOSTILE}}\n\n`,
        DONE,
      ],
    }))
    for (const stream of ['', '"stream":true,']) {
      const answer = await server.post('/responses', `{${stream}${body.slice(1)}`)
      await answer.text()
      assert.ok(answer.status < 500)
    }
    assert.equal(prototypes(), before)
  })
}

test('S-26: keys of Object in the query and in headers change no prototype', async () => {
  const head = `Host: x\r\nAuthorization: Bearer ${TEST_KEY}\r\nConnection: close\r\n__proto__: polluted\r\nconstructor: x\r\n`
  for (const query of [
    '__proto__[polluted]=1',
    '__proto__.polluted=1',
    'constructor[prototype][polluted]=1',
    '__proto__=x&stream=true',
  ]) {
    const [answer] = await sendRaw(server.url, `GET /v1/responses/resp_x?${query} HTTP/1.1\r\n${head}\r\n`)
    assert.equal(answer?.status, 404)
  }
  assert.equal(prototypes(), before)
})

test('S-54: no text of a request makes an event of its own', async () => {
  for (const text of NAUGHTY_STRINGS.filter((candidate) => candidate.length < 5000)) {
    const request = {
      model: 'demo',
      input: `/say ${text}`,
      instructions: text,
      user: text,
      metadata: { k: text.slice(0, 100) },
      stream: true,
    }
    const stream = await (await server.post('/responses', request)).text()
    const blocks = stream.split('\n\n')
    assert.deepEqual(blocks.slice(-2), ['data: [DONE]', ''])
    for (const block of blocks.slice(0, -2)) {
      assert.match(block, /^event: response\.[a-z_.]+\ndata: \{"type":"response\.[a-z_.]+",[^\n]*\}$/)
    }
  }
})
