import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startTestServer } from '../harness/server.ts'
import {
  assertAlive,
  assertRefused,
  invalid,
  lacking,
  testRefusals,
  wrongType,
  wrongValue,
  type RefusedValues,
} from './refusal.ts'

const server = await startTestServer()
after(() => server.close())

const PART = 'input[0].content[0]'

/** The head of a PNG of the size given. */
function png(width: number, height: number): string {
  const bytes = Buffer.from('89504e470d0a1a0a0000000d494844520000000000000000080600000000000000', 'hex')
  bytes.writeUInt32BE(width, 16)
  bytes.writeUInt32BE(height, 20)
  return `data:image/png;base64,${bytes.toString('base64')}`
}

const image = (rest: object) => ({ type: 'input_image', ...rest })
const images = (...urls: readonly string[]) => urls.map((url) => image({ image_url: url }))
const file = (rest: object) => ({ type: 'input_file', ...rest })
const NO_IMAGE = invalid('invalid_image', PART)
const BAD_IMAGE = invalid('invalid_image', `${PART}.image_url`)
const BAD_IMAGE_URL = invalid('invalid_image_url', `${PART}.image_url`)

const PARTS: readonly RefusedValues[] = [
  [
    'B-46',
    [
      { type: 'nothing' },
      { type: 'output_text', text: 'x' },
      { type: 'refusal', refusal: 'x' },
      { type: 'text', text: 'x' },
    ],
    wrongValue(`${PART}.type`),
  ],
  ['B-46', [{}, { text: 'x' }], lacking(`${PART}.type`)],
  ['B-46', [{ type: 'input_text' }, { type: 'input_text', text: null }], lacking(`${PART}.text`)],
  [
    'B-46',
    [
      { type: 'input_text', text: 5 },
      { type: 'input_text', text: {} },
    ],
    wrongType(`${PART}.text`),
  ],
  ['B-47', [image({}), image({ image_url: null }), image({ file_id: null })], NO_IMAGE],
  ['B-47', [image({ image_url: 'https://x.example/y', file_id: 'file_1' })], NO_IMAGE],
  ['B-47', [image({ image_url: 'https://x.example/y', detail: 'ultra' })], wrongValue(`${PART}.detail`)],
  [
    'B-47',
    [image({ image_url: 5 }), image({ image_url: { url: 'https://x.example/y' } })],
    wrongType(`${PART}.image_url`),
  ],
  [
    'B-47',
    images('data:image/png;base64,@@@', 'data:image/png;base64,', 'data:image/png;base64,iVBORw0KGgo=x'),
    BAD_IMAGE,
  ],
  [
    'B-47',
    images('data:image/png,abc', 'data:,', 'data:image/png;base64', 'data:image/png;charset=utf-8,abc'),
    BAD_IMAGE,
  ],
  [
    'B-47',
    images('data:image/svg+xml;base64,PHN2Zy8+', 'data:text/html;base64,PGI+', 'data:application/pdf;base64,JVBERi0='),
    BAD_IMAGE,
  ],
  ['B-47, S-51', images('data:image/png;base64,PHN2Zy8+', 'data:image/gif;base64,PGh0bWw+'), BAD_IMAGE],
  ['B-47', images(png(50_000, 50_000), png(0xffffffff, 1)), invalid('image_too_large', `${PART}.image_url`)],
  [
    'B-47',
    images('https://user:secret@x.example/y', 'https://user@x.example/', 'http://a@169.254.169.254\\@x.example/'),
    BAD_IMAGE_URL,
  ],
  [
    'B-47',
    images(
      '',
      'https://',
      '//x.example/y',
      'x.example/y',
      '/y',
      'https:',
      'https://x.example/y\n',
      ' https://x.example/y',
    ),
    BAD_IMAGE_URL,
  ],
  [
    'B-47, S-21',
    images(
      'file:///etc/passwd',
      'FILE:/etc/passwd',
      '/proc/self/environ',
      'C:\\x.png',
      'ftp://x.example/y',
      'gopher://x.example/',
    ),
    BAD_IMAGE_URL,
  ],
  [
    'B-47, S-21',
    images('javascript:alert(1)', 'blob:https://x.example/y', 'about:blank', 'ws://x.example', 'jar:file:///x'),
    BAD_IMAGE_URL,
  ],
  ['B-48', [file({}), file({ file_data: null }), file({ filename: 'x.pdf' })], lacking(PART)],
  [
    'B-48',
    [file({ file_id: 'file_1' }), file({ file_id: '' }), image({ file_id: '../x' })],
    invalid('file_not_found', `${PART}.file_id`),
  ],
  ['B-48', [file({ file_data: 5 })], wrongType(`${PART}.file_data`)],
  [
    'B-48, S-21',
    [file({ file_url: 'file:///etc/passwd' }), file({ file_url: '/etc/passwd' }), file({ file_url: '' })],
    invalid('invalid_file_url', `${PART}.file_url`),
  ],
  [
    'B-48, S-21',
    [file({ file_url: 'file:///etc/passwd', file_data: 'eA==' })],
    invalid('invalid_file_url', `${PART}.file_url`),
  ],
]
testRefusals(server, PARTS, (part) => ({ model: 'demo', input: [{ role: 'user', content: [part] }] }))

test('B-47: parts of a tool output are checked like those of a message', async () => {
  const call = { type: 'function_call', call_id: 'c', name: 'n', arguments: '{}' }
  const output = [{ type: 'input_text', text: 'x' }, image({ image_url: 'file:///etc/passwd' })]
  const input = [call, { type: 'function_call_output', call_id: 'c', output }]
  const expected = invalid('invalid_image_url', 'input[1].output[1].image_url')
  await assertRefused(await server.post('/responses', { model: 'demo', input }), expected)
})

const ACCEPTED: Readonly<Record<string, object>> = {
  'a PNG of 10,000 x 10,000': image({ image_url: png(10_000, 10_000) }),
  'a data URL with its scheme in upper case': image({ image_url: png(1, 1).replace('data:', 'DATA:') }),
  'an image URL in upper case': image({ image_url: 'HTTPS://X.example/y?z#a' }),
  'a file with its data and a URL': file({ file_url: 'https://x.example/y.pdf', file_data: 'eA==', filename: 'y.pdf' }),
}

for (const [name, part] of Object.entries(ACCEPTED)) {
  test(`B-47: ${name}: accepted`, async () => {
    const answer = await server.post('/responses', { model: 'demo', input: [{ role: 'user', content: [part] }] })
    assert.equal(answer.status, 200, (await answer.text()).slice(0, 500))
  })
}

test('after all of these, the server answers', () => assertAlive(server))
