import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { ResponseInputContent, ResponseInputItem } from 'openai/resources/responses/responses'
import { says } from '../harness/upstream.ts'
import { messagesOf, MODEL, startStage } from './support.ts'

const stage = await startStage()
const { client } = stage
after(() => stage.close())

const PNG =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const PDF = `data:application/pdf;base64,${btoa('%PDF-1.4 nothing')}`

const parts: readonly { what: string; part: ResponseInputContent; wire: object }[] = [
  {
    what: 'an image by its URL',
    part: { type: 'input_image', image_url: 'https://example.com/cat.png', detail: 'auto' },
    wire: { type: 'image_url', image_url: { url: 'https://example.com/cat.png', detail: 'auto' } },
  },
  {
    what: 'an image as a data URL, in high detail',
    part: { type: 'input_image', image_url: PNG, detail: 'high' },
    wire: { type: 'image_url', image_url: { url: PNG, detail: 'high' } },
  },
  {
    what: 'an image in low detail',
    part: { type: 'input_image', image_url: PNG, detail: 'low' },
    wire: { type: 'image_url', image_url: { url: PNG, detail: 'low' } },
  },
  {
    what: 'a file as data, with its name',
    part: { type: 'input_file', filename: 'report.pdf', file_data: PDF },
    wire: { type: 'file', file: { filename: 'report.pdf', file_data: PDF } },
  },
]
for (const { what, part, wire } of parts) {
  test(`${what} reaches the provider beside the text`, async () => {
    const seen = stage.script(says('I see.'))
    const content: ResponseInputContent[] = [{ type: 'input_text', text: 'What is it?' }, part]
    const response = await client.responses.create({ model: 'public/vision', input: [{ role: 'user', content }] })
    assert.equal(response.output_text, 'I see.')
    assert.deepEqual(messagesOf(seen()[0]), [{ role: 'user', content: [{ type: 'text', text: 'What is it?' }, wire] }])
    const { data } = await client.responses.inputItems.list(response.id)
    assert.deepEqual(data[0]?.type === 'message' && data[0].content, content)
  })
}

const refused = [
  {
    what: 'an image URL that leads into a private network',
    part: { type: 'input_image', image_url: 'https://169.254.169.254/latest/meta-data', detail: 'auto' },
    code: 'invalid_image_url',
    param: 'input',
  },
  {
    what: 'an image URL that is no URL',
    part: { type: 'input_image', image_url: 'file:///etc/passwd', detail: 'auto' },
    code: 'invalid_image_url',
    param: 'input[0].content[0].image_url',
  },
  {
    what: 'a data URL whose bytes are no image',
    part: { type: 'input_image', image_url: `data:image/png;base64,${btoa('not a picture')}`, detail: 'auto' },
    code: 'invalid_image',
    param: 'input[0].content[0].image_url',
  },
  {
    what: 'a file id, as no files are stored',
    part: { type: 'input_file', file_id: 'file-123' },
    code: 'file_not_found',
    param: 'input[0].content[0].file_id',
  },
] as const satisfies { what: string; part: ResponseInputContent; code: string; param: string }[]
for (const { what, part, code, param } of refused) {
  test(`${what} is refused`, async () => {
    const seen = stage.script()
    const input: ResponseInputItem[] = [{ role: 'user', content: [part] }]
    await assert.rejects(client.responses.create({ model: MODEL, input }), { status: 400, code, param })
    assert.deepEqual(seen(), [])
  })
}

suite('input items', () => {
  let id = ''
  const texts = ['zero', 'one', 'two', 'three', 'four']
  before(async () => {
    stage.script(says('Listed.'))
    const input = texts.map((content): ResponseInputItem => ({ role: 'user', content }))
    ;({ id } = await client.responses.create({ model: MODEL, input }))
  })

  const textOf = (item: object): string => {
    // Every item of this response is a message of one text.
    const { content } = item as { content: [{ text: string }] }
    return content[0].text
  }

  const pages = [
    { what: 'newest first, by default', query: {}, expected: texts.toReversed(), pageCount: 1 },
    { what: 'oldest first', query: { order: 'asc' }, expected: texts, pageCount: 1 },
    { what: 'one by one, oldest first', query: { order: 'asc', limit: 1 }, expected: texts, pageCount: 5 },
    {
      what: 'two by two, newest first',
      query: { order: 'desc', limit: 2 },
      expected: texts.toReversed(),
      pageCount: 3,
    },
  ] as const
  for (const { what, query, expected, pageCount } of pages) {
    test(`are listed ${what}, over ${pageCount} page(s)`, async () => {
      const found: string[] = []
      let count = 0
      const first = await client.responses.inputItems.list(id, query)
      for await (const page of first.iterPages()) {
        count++
        found.push(...page.data.map(textOf))
        assert.equal(page.has_more, found.length < texts.length)
      }
      assert.deepEqual(found, expected)
      assert.equal(count, pageCount)
    })
  }

  test('are listed after a given item', async () => {
    const { data } = await client.responses.inputItems.list(id, { order: 'asc' })
    const { data: rest } = await client.responses.inputItems.list(id, { order: 'asc', after: data[2]?.id ?? '' })
    assert.deepEqual(rest.map(textOf), ['three', 'four'])
  })

  test('have ids of their own, each different', async () => {
    const { data } = await client.responses.inputItems.list(id)
    assert.equal(new Set(data.map((item) => item.id)).size, texts.length)
  })

  const faults = [
    { query: { limit: 0 }, param: 'limit' },
    { query: { limit: 101 }, param: 'limit' },
    { query: { after: 'msg_unknown' }, param: 'after' },
  ]
  for (const { query, param } of faults) {
    test(`${JSON.stringify(query)} is refused`, async () => {
      await assert.rejects(client.responses.inputItems.list(id, query), { status: 400, param, code: 'invalid_value' })
    })
  }
})
