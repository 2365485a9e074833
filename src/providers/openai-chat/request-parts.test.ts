import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserPart } from '../../protocol/input-item.ts'
import type { InputImage } from '../../protocol/part.ts'
import { ApiError } from '../../protocol/error.ts'
import { functionCall, modelCall } from '../testing/model-call.ts'
import { chatRequest } from '../testing/chat-request.ts'
import type { DialectName } from './tables.ts'

const PIXEL = 'data:image/png;base64,iVBORw0KGgo='
const WEB = 'https://a.example/cat.png'
const PDF = 'data:application/pdf;base64,JVBERi0='

interface Place {
  readonly dialect?: DialectName
  readonly forwardsUrls?: boolean
}

/** The content of the one message that holds these parts. */
function content(parts: readonly UserPart[], { dialect = 'generic', forwardsUrls = true }: Place = {}): unknown {
  const call = modelCall({ history: [{ type: 'message', role: 'user', parts }] })
  // The body is ours.
  const { messages } = chatRequest(call, dialect, forwardsUrls).body as {
    messages: [{ content: unknown }]
  }
  return messages[0].content
}

const rows: readonly { what: string; parts: readonly UserPart[]; wire: unknown }[] = [
  { what: 'one text, as a string', parts: [{ type: 'input_text', text: 'a' }], wire: 'a' },
  { what: 'one empty text', parts: [{ type: 'input_text', text: '' }], wire: '' },
  {
    what: 'two texts, as parts',
    parts: [
      { type: 'input_text', text: 'a' },
      { type: 'input_text', text: 'b' },
    ],
    wire: [
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ],
  },
  {
    what: 'a text and an image by data',
    parts: [
      { type: 'input_text', text: 'a' },
      { type: 'input_image', image_url: PIXEL },
    ],
    wire: [
      { type: 'text', text: 'a' },
      { type: 'image_url', image_url: { url: PIXEL } },
    ],
  },
  {
    what: 'an image by URL, with its detail',
    parts: [{ type: 'input_image', image_url: WEB, detail: 'low' }],
    wire: [{ type: 'image_url', image_url: { url: WEB, detail: 'low' } }],
  },
  {
    what: 'an image whose detail is null',
    parts: [{ type: 'input_image', image_url: WEB, detail: null }],
    wire: [{ type: 'image_url', image_url: { url: WEB } }],
  },
  {
    what: 'a file by data, with its name',
    parts: [{ type: 'input_file', file_data: PDF, filename: 'a.pdf' }],
    wire: [{ type: 'file', file: { filename: 'a.pdf', file_data: PDF } }],
  },
  {
    what: 'a file by data, without a name',
    parts: [{ type: 'input_file', file_data: PDF }],
    wire: [{ type: 'file', file: { filename: 'file', file_data: PDF } }],
  },
]
for (const { what, parts, wire } of rows) {
  test(`A message of ${what} is sent so`, () => {
    assert.deepEqual(content(parts), wire)
  })
}

function refuses(send: () => unknown, words: RegExp): void {
  assert.throws(send, (error) => {
    assert.ok(error instanceof ApiError)
    assert.equal(error.status, 400)
    assert.equal(error.code, 'unsupported_input')
    assert.equal(error.param, 'input')
    assert.match(error.message, words)
    return true
  })
}

for (const dialect of ['mistral', 'google', 'ollama', 'anthropic'] as const) {
  test(`A file is refused, not dropped, where ${dialect} takes none`, () => {
    refuses(() => content([{ type: 'input_file', file_data: PDF }], { dialect }), /takes no files/)
  })
}

test('A file by URL alone is refused: the wire has no place for it', () => {
  refuses(() => content([{ type: 'input_file', file_url: 'https://a.example/a.pdf' }]), /takes no URLs of files here/)
})

const fetched: readonly InputImage[] = [
  { type: 'input_image', image_url: WEB },
  { type: 'input_image', image_url: 'http://169.254.169.254/latest/meta-data' },
]
for (const part of fetched) {
  test(`A provider in a private network is not handed ${part.image_url}`, () => {
    refuses(() => content([part], { forwardsUrls: false }), /takes no URLs of images here/)
  })
}

for (const url of [PIXEL, PIXEL.replace('data:', 'DATA:')]) {
  test(`A provider in a private network is handed ${url}: there is nothing to fetch`, () => {
    assert.deepEqual(content([{ type: 'input_image', image_url: url }], { forwardsUrls: false }), [
      { type: 'image_url', image_url: { url } },
    ])
  })
}

const outputs: readonly { what: string; output: string | readonly UserPart[]; wire: unknown }[] = [
  { what: 'text', output: 'noon', wire: 'noon' },
  { what: 'no text', output: '', wire: '' },
  { what: 'one text part', output: [{ type: 'input_text', text: 'noon' }], wire: 'noon' },
  {
    what: 'a text and an image',
    output: [
      { type: 'input_text', text: 'See:' },
      { type: 'input_image', image_url: PIXEL },
    ],
    wire: [
      { type: 'text', text: 'See:' },
      { type: 'text', text: '(What else the tool gave back follows in the next message.)' },
    ],
  },
]
for (const { what, output, wire } of outputs) {
  test(`A tool's output of ${what} is sent so`, () => {
    const history = [functionCall('1', 'now'), { type: 'function_call_output', callId: '1', output } as const]
    // The body is ours.
    const { messages } = chatRequest(modelCall({ history })).body as {
      messages: unknown[]
    }
    assert.deepEqual(messages[1], { role: 'tool', tool_call_id: '1', content: wire })
  })
}

test('A tool cannot hand a URL to a provider in a private network either', () => {
  const output: readonly UserPart[] = [{ type: 'input_image', image_url: WEB }]
  const history = [functionCall('1', 'now'), { type: 'function_call_output', callId: '1', output } as const]
  refuses(() => chatRequest(modelCall({ history }), 'vllm', false), /takes no URLs of images/)
})
