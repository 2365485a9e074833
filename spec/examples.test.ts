import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { startTestServer, TEST_KEY, type TestServer } from '../e2e/harness/server.ts'
import { says, startUpstream, type Upstream } from '../e2e/harness/upstream.ts'
import { proves } from './proves.ts'

type Json = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- Bodies are whatever came.

/** The API document stands beside the project; without it, its examples cannot be run as they stand. */
const DOCUMENT = fileURLToPath(new URL('../../shared/api-document.txt', import.meta.url))
const skip = existsSync(DOCUMENT) ? false : 'The API document is not beside the project.'

let server: TestServer
let upstream: Upstream

before(async () => {
  upstream = await startUpstream()
  upstream.answer(() => says('Answer.'))
  server = await startTestServer({
    providers: { local: { kind: 'openai-chat', base_url: upstream.baseUrl, forward_urls: true } },
    models: {
      'gpt-4o': { provider: 'demo', upstream_model: 'demo' },
      'o3-mini': { provider: 'demo', upstream_model: 'demo' },
    },
  })
})

after(async () => {
  await server.close()
  await upstream.close()
})

/** The curl commands under a heading of the document, with this server's host and key. */
function commandsUnder(heading: string, id = 'resp_abc123'): string[] {
  const document = readFileSync(DOCUMENT, 'utf8')
  const start = document.indexOf(`\n${heading}\n`, document.indexOf('\nComplete Examples\n'))
  const section = document.slice(start).split(/\n(?=(?:#|[A-Z][A-Za-z -]+(?: \(Vision\))?)\n)/)
  const commands = Array.from(
    document.slice(start).matchAll(/curl [\s\S]*?(?:\n {2}\}'|YOUR_API_KEY"(?=\n\n))/g),
    (match) => match[0],
  )
  assert.ok(start > 0 && section.length > 0 && commands.length > 0, `there are commands under ${heading}`)
  return commands.map((command) =>
    command
      .replaceAll(/https:\/\/[^/]+\/api(?=\/v1)/g, `${server.url}/api`)
      .replaceAll('YOUR_API_KEY', TEST_KEY)
      .replaceAll('resp_abc123', id),
  )
}

/** Runs a command in a shell. @returns the status and the body. */
async function run(command: string): Promise<{ status: number; body: string }> {
  const shell = spawn('sh', ['-c', `${command} -s -w '\\n%{http_code}'`], { stdio: ['ignore', 'pipe', 'inherit'] })
  const output = await text(shell.stdout)
  const cut = output.lastIndexOf('\n')
  return { status: Number(output.slice(cut + 1)), body: output.slice(0, cut) }
}

async function runJson(command: string | undefined, status = 200): Promise<Json> {
  const answer = await run(command ?? 'false')
  assert.equal(answer.status, status, answer.body)
  return JSON.parse(answer.body) as Json
}

function assertDocumentedShape(response: Json): void {
  for (const field of ['id', 'object', 'created_at', 'model', 'status', 'output', 'output_text', 'usage']) {
    assert.ok(field in response, field)
  }
  assert.equal(response['object'], 'response')
}

test('the API document is there', { skip }, () => assert.ok(existsSync(DOCUMENT)))

proves(
  'example.simple',
  async () => {
    const response = await runJson(commandsUnder('Simple Text Completion')[0])
    assertDocumentedShape(response)
    assert.equal(response['output_text'], 'You said: Explain quantum computing in one sentence.')
  },
  { skip },
)

proves(
  'example.multi-turn',
  async () => {
    const first = await runJson(commandsUnder('Multi-turn Conversation')[0])
    const second = await runJson(commandsUnder('Multi-turn Conversation', first['id'])[1])
    assertDocumentedShape(second)
    assert.equal(second['previous_response_id'], first['id'])
  },
  { skip },
)

proves(
  'example.streaming',
  async () => {
    const { status, body } = await run(commandsUnder('Streaming Response')[0] ?? 'false')
    assert.equal(status, 200)
    assert.match(body, /^event: response\.created\ndata: \{"type":"response\.created","response":/)
    assert.match(body, /"type":"response\.completed"/)
    assert.ok(body.trimEnd().endsWith('data: [DONE]'))
  },
  { skip },
)

proves(
  'example.function-calling',
  async () => {
    const response = await runJson(commandsUnder('Function Calling')[0])
    assertDocumentedShape(response)
    assert.deepEqual(
      response['output'].map((item: Json) => [item['type'], item['name']]),
      [['function_call', 'get_weather']],
    )
  },
  { skip },
)

proves(
  'example.tool-results',
  async () => {
    const response = await runJson(commandsUnder('Submitting Tool Results')[0])
    assert.equal(response['output_text'], 'The tool get_weather returned: {"temperature": 18, "condition": "cloudy"}')
  },
  { skip },
)

proves(
  'example.vision',
  async () => {
    const response = await runJson(commandsUnder('Image Input (Vision)')[0])
    assert.equal(response['output_text'], 'You said: What is in this image? [image]')
  },
  { skip },
)

proves(
  'example.json-output',
  async () => {
    const response = await runJson(commandsUnder('JSON Output')[0])
    assert.deepEqual(JSON.parse(response['output_text']), { answer: 'List the planets in our solar system' })
  },
  { skip },
)

proves(
  'example.background',
  async () => {
    const queued = await runJson(commandsUnder('Background Processing')[0], 202)
    assert.deepEqual([queued['status'], queued['output']], ['queued', []])
    const [, poll] = commandsUnder('Background Processing', queued['id'])
    const polled = await runJson(poll)
    assert.ok(['queued', 'in_progress', 'completed'].includes(polled['status']))
  },
  { skip },
)

test(
  'the template at the top of the document, types in place of values, is refused in its form',
  { skip },
  async () => {
    const document = readFileSync(DOCUMENT, 'utf8')
    const [template] = /curl --request POST[\s\S]*?\n\}\n'/.exec(document) ?? []
    const command = (template ?? '')
      .replace(/https:\/\/[^/]+\/api(?=\/v1)/, `${server.url}/api`)
      .replace('<token>', TEST_KEY)
    const { error } = await runJson(command, 400)
    assert.deepEqual(Object.keys(error), ['type', 'message', 'param', 'code'])
  },
)
