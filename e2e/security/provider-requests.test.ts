import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { isJsonObject, parseJson, type JsonObject } from '../../src/protocol/json.ts'
import { startTestServer } from '../harness/server.ts'
import { answerIn } from '../threads/families.ts'
import { loadFleet, memberConfig, speaksChat, type Member } from './fleet.ts'
import { CLIENT_HEADERS, MODELS, TEXTS } from './hostile-names.ts'
import { startRecorder, type Recorder } from './recorder.ts'

/** A member, and what records its requests, byte for byte. */
interface Recorded extends Member {
  readonly recorder: Recorder
}

const fleet: readonly Recorded[] = await Promise.all(
  (await loadFleet()).map(async (member) => {
    const [text] = answerIn(member.family.fixtures['text in one piece'])?.pieces ?? []
    assert.ok(typeof text === 'string', `${member.name} says nothing in one piece`)
    return { ...member, recorder: await startRecorder('application/json', text) }
  }),
)
const server = await startTestServer({
  providers: Object.fromEntries(
    fleet.map((member) => [
      member.name,
      memberConfig(member, member.recorder.baseUrl, { headers: { 'x-team': 'ours' } }),
    ]),
  ),
})
after(async () => {
  await server.close()
  await Promise.all(fleet.map(({ recorder }) => recorder.close()))
})

/** A request as it arrived. */
interface Arrived {
  readonly path: string
  /** Without what is another for each request by its nature. */
  readonly headers: readonly string[]
  readonly body: JsonObject
}

/** What tells requests apart in the head: lengths, and numbers that the AWS SDK gives them. */
const VOLATILE = /^(?:content-length|amz-sdk-invocation-id|x-amz-date):/

/** The one request that arrived since the last look, well-formed; undefined where there is none. */
function arrival({ recorder }: Recorded): Arrived | undefined {
  const requests = recorder.requests.splice(0)
  assert.ok(requests.length <= 1, `${requests.length} requests`)
  assert.equal(recorder.leftovers(), '', 'bytes that belong to no request')
  const [request] = requests
  if (request === undefined) return undefined
  const [line = '', ...headers] = request.head.split('\r\n')
  const [, path = ''] = /^POST (\/[\x21-\x7e]*) HTTP\/1\.1$/.exec(line) ?? assert.fail(line)
  for (const header of headers) assert.match(header, /^[a-z0-9-]+: [\x20-\x7e]+$/i)
  const url = new URL(path, recorder.baseUrl)
  assert.equal(url.pathname + url.search, path, 'the path is as it would be read')
  const body: unknown = JSON.parse(Buffer.from(request.body, 'latin1').toString())
  assert.ok(isJsonObject(body))
  return { path, headers: headers.filter((header) => !VOLATILE.test(header)).toSorted(), body }
}

/** Asks, and gives what arrived: nothing, where the request was refused. */
async function ask(
  member: Recorded,
  request: object,
  headers: Record<string, string> = {},
): Promise<Arrived | undefined> {
  const response = await server.post(
    '/responses',
    { model: `${member.name}/${member.family.model}`, ...request },
    headers,
  )
  const text = await response.text()
  const arrived = arrival(member)
  const expected = arrived === undefined ? [400, 404] : [200]
  assert.ok(expected.includes(response.status), `${response.status} ${text}`)
  return arrived
}

/** What arrives of a plain question. */
async function plainOf(member: Recorded): Promise<Arrived> {
  return (await ask(member, { input: 'x' })) ?? assert.fail('nothing arrived')
}

/** Whether a path is the plain one with another name in the place of the model, as one part of it that is data. */
function assertSamePlace({ path }: Arrived, plain: string, { model, name }: { model: string; name: string }): void {
  const known = encodeURIComponent(model)
  const [before = '', after_ = ''] = plain.split(known)
  assert.ok(path.startsWith(before) && path.endsWith(after_), `${path} is not like ${plain}`)
  const middle = path.slice(before.length, path.length - after_.length)
  assert.doesNotMatch(middle, /[/?#\\]/)
  assert.equal(decodeURIComponent(middle), name)
}

for (const member of fleet) {
  const { name, family } = member

  test(`S-20, S-55: ${name}: a model's name is one name, whatever it looks like`, async () => {
    const plain = await plainOf(member)
    const isInPath = plain.path.includes(encodeURIComponent(family.model))
    let arrivals = 0
    for (const model of MODELS) {
      for (const request of [{ input: 'x' }, { input: 'x', stream: true, store: false }]) {
        const arrived = await ask(member, { ...request, model: `${name}/${model}` })
        if (arrived === undefined) continue
        arrivals++
        assert.deepEqual(arrived.headers, plain.headers, model)
        if (isInPath) assertSamePlace(arrived, plain.path, { model: family.model, name: model })
        else assert.deepEqual([arrived.path, arrived.body['model']], [plain.path, model])
      }
    }
    assert.ok(arrivals > 10, `only ${arrivals} of them arrived`)
  })
}

/** One text wherever a request takes any, and each of the names of tools that are allowed. */
function saying(text: string, toolName: string): object {
  const short = [...text].slice(0, 60).join('')
  return {
    instructions: `instructions ${text}`,
    input: [
      { role: 'user', content: `input ${text}` },
      {
        type: 'function_call',
        call_id: short,
        name: toolName,
        arguments: JSON.stringify({ [text]: `argument ${text}` }),
      },
      { type: 'function_call_output', call_id: short, output: `output ${text}` },
      { role: 'assistant', content: `said ${text}` },
      { role: 'user', content: [{ type: 'input_text', text: `further ${text}` }] },
    ],
    tools: [
      {
        type: 'function',
        name: toolName,
        description: `description ${text}`,
        parameters: {
          type: 'object',
          properties: { [short]: { type: 'string', description: `schema ${text}`, enum: [text] } },
        },
      },
    ],
    user: text,
    safety_identifier: [...text].slice(0, 64).join(''),
    prompt_cache_key: short,
    metadata: { [short]: [...text].slice(0, 500).join('') },
  }
}

/** What each of these texts begins with. */
const PLACES = ['instructions', 'input', 'argument', 'output', 'said', 'further', 'description', 'schema']

const TOOL_NAMES: readonly string[] = [
  '..',
  '.',
  '__proto__',
  'constructor',
  'a.b-c_d',
  '-',
  'x'.repeat(64),
  'toString',
]

/** Every text in a body, and in the JSON that its texts may be. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value, ...(value.startsWith('{') ? textsIn(parseJson(value)) : [])]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

for (const member of fleet) {
  test(`S-53, S-55: ${member.name}: no text of a request changes its path or its head, and all of it is there`, async () => {
    const plain = await plainOf(member)
    for (const [index, text] of TEXTS.entries()) {
      const toolName = TOOL_NAMES[index % TOOL_NAMES.length] ?? ''
      const arrived = await ask(member, saying(text, toolName), { 'x-extra': 'y' })
      assert.ok(arrived !== undefined, JSON.stringify(text))
      assert.deepEqual([arrived.path, arrived.headers], [plain.path, plain.headers], JSON.stringify(text))
      const texts = textsIn(arrived.body)
      for (const place of PLACES) {
        assert.ok(
          texts.some((found) => found.includes(`${place} ${text}`)),
          `${place} ${JSON.stringify(text.slice(0, 60))} is not in ${JSON.stringify(arrived.body).slice(0, 2000)}`,
        )
      }
    }
  })

  test(`S-55: ${member.name}: no header of a client's reaches the provider`, async () => {
    const plain = await plainOf(member)
    const arrived = await ask(member, { input: 'x' }, CLIENT_HEADERS)
    assert.deepEqual(arrived, plain)
  })

  test(`S-06, S-20: ${member.name}: a tier, or no stream, changes nothing but what it should of the head`, async () => {
    const plain = await plainOf(member)
    for (const service_tier of ['flex', 'priority', 'default', 'auto']) {
      const arrived = await ask(member, { input: 'x', service_tier })
      assert.equal(arrived?.path, plain.path)
      const more = arrived.headers.filter((header) => !plain.headers.includes(header))
      assert.ok(more.length <= 1, more.join())
      for (const header of more) assert.match(header, /^x-vertex-ai-llm-shared-request-type: (?:flex|priority)$/)
    }
  })
}

for (const member of fleet.filter(takesFiles)) {
  test(`S-53: ${member.name}: the name of a file is a name`, async () => {
    const plain = await plainOf(member)
    for (const filename of TEXTS) {
      const file = { type: 'input_file', filename, file_data: 'data:application/pdf;base64,JVBERi0=' }
      const arrived = await ask(member, { input: [{ role: 'user', content: [file] }] })
      assert.ok(arrived !== undefined, filename)
      assert.deepEqual([arrived.path, arrived.headers], [plain.path, plain.headers], filename)
      assert.match(JSON.stringify(arrived.body), /JVBERi0=/)
    }
  })
}

function takesFiles({ family, dialect }: Recorded): boolean {
  return family.family.contentOf(dialect).fileData === 'map'
}

for (const member of fleet.filter(speaksChat)) {
  test(`S-20, S-55: ${member.name}: Chat Completions are passed on to one place, whatever their model is called`, async () => {
    const heads = new Set<string>()
    for (const model of MODELS) {
      const response = await server.post('/chat/completions', { model: `${member.name}/${model}`, messages: [] })
      await response.text()
      const arrived = arrival(member)
      assert.equal(arrived?.path, '/v1/chat/completions', model)
      assert.equal(arrived.body['model'], model)
      heads.add(arrived.headers.join('\n'))
    }
    assert.equal(heads.size, 1)
  })
}
