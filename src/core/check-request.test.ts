import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CreateRequest } from '../protocol/create-request.ts'
import type { InputItem, UserPart } from '../protocol/input-item.ts'
import type { Tool } from '../protocol/tool.ts'
import { checkRequest, isWebSearch, readResponseId } from './check-request.ts'
import { apiFault } from './testing/api-fault.ts'

const BASE: CreateRequest = { model: 'demo', input: 'Hello' }
const PNG = 'data:image/png;base64,iVBORw0KGgo='
const FUNCTION: Tool = { type: 'function', name: 'get_weather' }
const SEARCH: Tool = { type: 'web_search' }

const refused: readonly { name: string; request: Partial<CreateRequest>; fault: object }[] = [
  {
    name: 'empty text',
    request: { input: '' },
    fault: apiFault('invalid_value', 'input', 'input must not be empty, unless previous_response_id is given.'),
  },
  { name: 'no items', request: { input: [], previous_response_id: null }, fault: apiFault('invalid_value', 'input') },
  {
    name: 'a conversation',
    request: { conversation: 'conv_1' },
    fault: apiFault('unsupported_parameter', 'conversation', 'conversation is not supported: send its items in input.'),
  },
  { name: 'a prompt', request: { prompt: { id: 'pmpt_1' } }, fault: apiFault('unsupported_parameter', 'prompt') },
  {
    name: 'background with stream',
    request: { background: true, stream: true },
    fault: apiFault('unsupported_combination', 'stream', /^background cannot be combined with stream: /),
  },
  {
    name: 'background that is not stored',
    request: { background: true, store: false },
    fault: apiFault(
      'unsupported_combination',
      'store',
      'background needs store: true, because polling reads the store.',
    ),
  },
  {
    name: 'web search alone',
    request: { tools: [SEARCH] },
    fault: apiFault(
      'unsupported_tool',
      'tools[0].type',
      'tools[0].type web_search is not supported yet: use function tools.',
    ),
  },
  {
    name: 'both names of web search',
    request: { tools: [{ type: 'web_search_2025_08_26' }, SEARCH] },
    fault: apiFault(
      'unsupported_tool',
      'tools[0].type',
      /^tools\[0\]\.type web_search_2025_08_26 is not supported yet/,
    ),
  },
]
for (const { name, request, fault } of refused) {
  test(`checkRequest() refuses ${name}`, () => {
    assert.throws(() => checkRequest({ ...BASE, ...request }, false), fault)
  })
}

const accepted: readonly { name: string; request: Partial<CreateRequest>; allowBackgroundStream?: boolean }[] = [
  { name: 'plain text', request: {} },
  { name: 'empty text after an earlier response', request: { input: '', previous_response_id: 'resp_1' } },
  { name: 'no items after an earlier response', request: { input: [], previous_response_id: 'resp_1' } },
  { name: 'null for what is not supported', request: { conversation: null, prompt: null } },
  { name: 'background', request: { background: true, stream: false, store: true } },
  { name: 'background with nulls', request: { background: true, stream: null, store: null } },
  { name: 'stream without store', request: { background: false, stream: true, store: false } },
  {
    name: 'background with stream where it is allowed',
    request: { background: true, stream: true },
    allowBackgroundStream: true,
  },
  { name: 'web search beside another tool', request: { tools: [SEARCH, FUNCTION] } },
  { name: 'no tools', request: { tools: [] } },
  { name: 'null for tools', request: { tools: null } },
  {
    name: 'what other tools than functions have put out',
    request: {
      input: [
        { type: 'computer_call_output', output: { type: 'computer_screenshot', file_id: 'file_1' } } as InputItem,
        { type: 'shell_call_output', output: [{ stdout: 'a', stderr: '' }] } as InputItem,
      ],
    },
  },
]
for (const { name, request, allowBackgroundStream = false } of accepted) {
  test(`checkRequest() accepts ${name}`, () => {
    assert.doesNotThrow(() => checkRequest({ ...BASE, ...request }, allowBackgroundStream))
  })
}

test('checkRequest() refuses background without store even where streams are allowed', () => {
  const request = { ...BASE, background: true, stream: true, store: false }
  assert.throws(() => checkRequest(request, true), apiFault('unsupported_combination', 'store'))
})

const refusedParts: readonly { name: string; part: UserPart; code: string; path: string; message: string }[] = [
  {
    name: 'an image without a source',
    part: { type: 'input_image' },
    code: 'invalid_image',
    path: '',
    message: ' must have image_url or file_id.',
  },
  {
    name: 'an image with nulls for its sources',
    part: { type: 'input_image', image_url: null, file_id: null },
    code: 'invalid_image',
    path: '',
    message: ' must have image_url or file_id.',
  },
  {
    name: 'an image with two sources',
    part: { type: 'input_image', image_url: PNG, file_id: 'file_1' },
    code: 'invalid_image',
    path: '',
    message: ' must have image_url or file_id, not both.',
  },
  {
    name: 'an image by file id',
    part: { type: 'input_image', file_id: 'file_1' },
    code: 'file_not_found',
    path: '.file_id',
    message: '.file_id names no file: this server stores none. Send the data itself.',
  },
  {
    name: 'an image of another type',
    part: { type: 'input_image', image_url: 'data:image/svg+xml;base64,PHN2Zz4=' },
    code: 'invalid_image',
    path: '.image_url',
    message: '.image_url must be a PNG, JPEG, GIF or WebP image.',
  },
  {
    name: 'an image by a URL of another kind',
    part: { type: 'input_image', image_url: 'ftp://example.com/cat.png' },
    code: 'invalid_image_url',
    path: '.image_url',
    message: '.image_url must be an https, http or data URL.',
  },
  {
    name: 'a file by id',
    part: { type: 'input_file', file_id: 'file_1', file_data: 'data:text/plain;base64,SGk=' },
    code: 'file_not_found',
    path: '.file_id',
    message: '.file_id names no file: this server stores none. Send the data itself.',
  },
  {
    name: 'a file without data',
    part: { type: 'input_file', filename: 'report.pdf' },
    code: 'missing_required_parameter',
    path: '',
    message: ' must have file_data or file_url.',
  },
  {
    name: 'a file by a URL with credentials',
    part: { type: 'input_file', file_url: 'https://user:secret@example.com/report.pdf' },
    code: 'invalid_file_url',
    path: '.file_url',
    message: '.file_url must not hold credentials.',
  },
  {
    name: 'a file by data URL in the wrong field',
    part: { type: 'input_file', file_url: 'data:text/plain;base64,SGk=' },
    code: 'invalid_file_url',
    path: '.file_url',
    message: '.file_url must be an https or http URL.',
  },
]

const text: UserPart = { type: 'input_text', text: 'Look:' }

/** The same part in every place where a client may put one. */
function placesOf(part: UserPart): readonly { where: string; item: InputItem; path: string }[] {
  return [
    { where: 'a user message', item: { role: 'user', content: [text, part] }, path: 'input[1].content[1]' },
    { where: 'a system message', item: { role: 'system', content: [part] }, path: 'input[1].content[0]' },
    {
      where: 'a function output',
      item: { type: 'function_call_output', call_id: 'call_1', output: [text, part] },
      path: 'input[1].output[1]',
    },
    {
      where: 'a custom tool output',
      item: { type: 'custom_tool_call_output', call_id: 'call_1', output: [part] },
      path: 'input[1].output[0]',
    },
  ]
}

for (const { name, part, code, path, message } of refusedParts) {
  for (const place of placesOf(part)) {
    test(`checkRequest() refuses ${name} in ${place.where}`, () => {
      const input: InputItem[] = [{ role: 'user', content: 'First.' }, place.item]
      assert.throws(
        () => checkRequest({ ...BASE, input }, false),
        apiFault(code, `${place.path}${path}`, `${place.path}${message}`),
      )
    })
  }
}

const acceptedItems: readonly { name: string; item: InputItem }[] = [
  {
    name: 'an image by data',
    item: { role: 'user', content: [{ type: 'input_image', image_url: PNG, detail: 'low' }] },
  },
  {
    name: 'an image by URL',
    item: { role: 'user', content: [{ type: 'input_image', image_url: 'https://example.com/a.png' }] },
  },
  {
    name: 'a file by data',
    item: { role: 'user', content: [{ type: 'input_file', file_data: 'SGk=', file_url: null }] },
  },
  {
    name: 'a file by URL',
    item: { role: 'user', content: [{ type: 'input_file', file_url: 'https://example.com/a.pdf' }] },
  },
  { name: 'an output as text', item: { type: 'function_call_output', call_id: 'call_1', output: 'data:image/x' } },
  { name: 'content as text', item: { role: 'user', content: 'ftp://example.com' } },
  { name: 'no parts', item: { role: 'user', content: [] } },
  { name: 'an assistant message', item: { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] } },
  { name: 'reasoning', item: { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'Hm.' }] } },
  { name: 'further tools', item: { type: 'additional_tools', role: 'developer', tools: [FUNCTION] } },
]
for (const { name, item } of acceptedItems) {
  test(`checkRequest() accepts ${name}`, () => {
    assert.doesNotThrow(() => checkRequest({ ...BASE, input: [item] }, false))
  })
}

for (const tool of [SEARCH, { type: 'web_search_2025_08_26' }] as const) {
  test(`isWebSearch() knows ${tool.type}`, () => assert.equal(isWebSearch(tool), true))
}

test('isWebSearch() is false for a function that bears the name', () => {
  assert.equal(isWebSearch({ type: 'function', name: 'web_search' }), false)
})

test('readResponseId() returns an id as it is', () => {
  assert.equal(readResponseId('resp_Abc-1', 'response_id'), 'resp_Abc-1')
})

for (const id of [
  '',
  'abc',
  'resp_',
  `resp_${'a'.repeat(65)}`,
  'RESP_a',
  'resp_a/b',
  'resp_a%00',
  'resp_a\u0000',
  'resp_a\n',
  ' resp_a',
]) {
  test(`readResponseId() refuses ${JSON.stringify(id)}`, () => {
    const message = 'previous_response_id must be a response id: resp_ and 1 to 64 characters.'
    assert.throws(
      () => readResponseId(id, 'previous_response_id'),
      apiFault('invalid_response_id', 'previous_response_id', message),
    )
  })
}
