import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserPart } from '../../protocol/input-item.ts'
import { userBlocks } from './user-blocks.ts'

const data = (type: string, text: string) => `data:${type};base64,${Buffer.from(text).toString('base64')}`
const pdf = { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' }
const plain = (text: string) => ({ type: 'text', media_type: 'text/plain', data: text })

const rows: readonly { readonly part: UserPart; readonly block: object | undefined }[] = [
  { part: { type: 'input_text', text: ' \n' }, block: undefined },
  { part: { type: 'input_text', text: ' Hi' }, block: { type: 'text', text: ' Hi' } },
  {
    part: { type: 'input_image', image_url: 'data:image/JPG;base64,/9j/' },
    block: { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: '/9j/' } },
  },
  {
    part: { type: 'input_image', image_url: 'https://a.example/c.png' },
    block: { type: 'image', source: { type: 'url', url: 'https://a.example/c.png' } },
  },
  { part: { type: 'input_file', file_data: 'JVBERi0=' }, block: { type: 'document', source: pdf } },
  {
    part: { type: 'input_file', file_data: 'JVBERi0=', filename: 'a.pdf' },
    block: { type: 'document', source: pdf, title: 'a.pdf' },
  },
  {
    part: { type: 'input_file', file_url: 'https://a.example/a.pdf', filename: '' },
    block: { type: 'document', source: { type: 'url', url: 'https://a.example/a.pdf' } },
  },
  {
    part: { type: 'input_file', file_url: data('text/csv', 'a,b\né'), filename: 'a.csv' },
    block: { type: 'document', source: plain('a,b\né'), title: 'a.csv' },
  },
  {
    part: { type: 'input_file', file_data: data('application/json', '{}') },
    block: { type: 'document', source: plain('{}') },
  },
  {
    part: { type: 'input_file', file_data: data('image/png', 'P'), filename: 'a.png' },
    block: { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'UA==' } },
  },
]
for (const { part, block } of rows) {
  test(`${JSON.stringify(part)} becomes ${JSON.stringify(block)}`, () => {
    assert.deepEqual(userBlocks(part), block === undefined ? [] : [block])
  })
}

test('A file that is neither PDF, text nor an image is refused by its type', () => {
  const part: UserPart = { type: 'input_file', file_data: 'UEsDBA==', filename: 'a.docx' }
  assert.throws(() => userBlocks(part), {
    code: 'unsupported_input',
    param: 'input',
    message: /not application\/vnd\.openxmlformats-officedocument\.wordprocessingml\.document\.$/,
  })
})
