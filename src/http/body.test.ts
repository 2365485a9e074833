import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkContentEncoding, checkContentType, readJsonBody } from './body.ts'

const DEPTH_MAX = 100

function read(body: string | Uint8Array, depthMax = DEPTH_MAX): unknown {
  return readJsonBody(typeof body === 'string' ? Buffer.from(body) : body, depthMax)
}

function refused(code: string, message?: RegExp) {
  return { type: 'invalid_request_error', status: 400, code, param: '', ...(message && { message }) }
}

function nested(depth: number, inside = ''): string {
  return '['.repeat(depth) + inside + ']'.repeat(depth)
}

const refusals: readonly { what: string; body: string | Uint8Array; code: string; message?: RegExp }[] = [
  { what: 'nothing', body: '', code: 'invalid_json', message: /empty/ },
  { what: 'blanks', body: ' \n', code: 'invalid_json' },
  { what: 'half an object', body: '{"a":', code: 'invalid_json' },
  { what: 'two objects', body: '{}{}', code: 'invalid_json', message: /\(at character 2\)/ },
  { what: 'a word', body: 'secret-words', code: 'invalid_json' },
  { what: 'a BOM before the object', body: '\ufeff{}', code: 'invalid_json' },
  { what: 'single quotes', body: "{'a':1}", code: 'invalid_json' },
  { what: 'NaN', body: '{"a":NaN}', code: 'invalid_json' },
  { what: 'a raw line break in a string', body: '{"a":"\n"}', code: 'invalid_json' },
  { what: 'closing brackets alone', body: ']]]]', code: 'invalid_json' },
  { what: 'a lone continuation byte', body: Uint8Array.of(0x22, 0x80, 0x22), code: 'invalid_utf8' },
  { what: 'an overlong slash', body: Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), code: 'invalid_utf8' },
  { what: 'a surrogate in UTF-8', body: Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), code: 'invalid_utf8' },
  { what: 'half a character', body: Uint8Array.of(0x22, 0xe2, 0x82), code: 'invalid_utf8' },
  { what: 'UTF-16', body: Buffer.from('{"a":1}', 'utf16le'), code: 'invalid_json' },
  { what: '101 levels', body: nested(101), code: 'json_too_deep', message: /100 levels/ },
  { what: '101 levels of objects', body: '{"a":'.repeat(101), code: 'json_too_deep' },
  {
    what: 'a million and one values',
    body: `[${'1,'.repeat(1_000_000)}1]`,
    code: 'json_too_large',
    message: /1000000 /,
  },
  {
    what: 'half a million objects with a field each',
    body: `[${'{"a":1},'.repeat(500_000)}{}]`,
    code: 'json_too_large',
  },
  { what: 'a million levels', body: '['.repeat(1_000_000), code: 'json_too_deep' },
]
for (const { what, body, code, message } of refusals) {
  test(`${what} is refused as ${code}`, () => {
    assert.throws(() => read(body), refused(code, message))
  })
}

test('what was sent is not repeated in a refusal', () => {
  for (const body of ['{"a": secret-words}', '"secret-words', '["secret-words" 1]']) {
    assert.throws(
      () => read(body),
      (error) => error instanceof Error && !error.message.includes('secret'),
    )
  }
})

const values: readonly { what: string; body: string; value: unknown }[] = [
  { what: 'an object', body: '{"a":[1,2.5e3,null,true,"x"]}', value: { a: [1, 2500, null, true, 'x'] } },
  { what: 'a value that is no object', body: '"x"', value: 'x' },
  { what: 'a million values', body: `[${'1,'.repeat(999_999)}1]`, value: Array<number>(1_000_000).fill(1) },
  { what: 'a text with a million commas', body: `"${','.repeat(1_000_001)}"`, value: ','.repeat(1_000_001) },
  { what: 'blanks around it', body: ' \t\r\n{} \n', value: {} },
  { what: 'text of every plane', body: '{"é":"👋 \u2028 𝒳"}', value: { é: '👋 \u2028 𝒳' } },
  { what: 'NUL, kept', body: '{"a":"\\u0000"}', value: { a: '\u0000' } },
  { what: 'an escaped pair of surrogates', body: '"\\ud83d\\udc4b"', value: '👋' },
  { what: 'a lone high surrogate', body: '["\\ud83d"]', value: ['\ufffd'] },
  { what: 'a lone low surrogate in upper case', body: '{"a":"x\\uDC4By"}', value: { a: 'x\ufffdy' } },
  { what: 'lone surrogates in keys', body: '{"\\ud800":{"\\udfff":1}}', value: { '\ufffd': { '\ufffd': 1 } } },
  { what: 'swapped surrogates', body: '"\\udc4b\\ud83d"', value: '\ufffd\ufffd' },
  { what: 'a surrogate escaped twice, which is none', body: '"\\\\ud83d"', value: '\\ud83d' },
  { what: 'the last of two equal keys', body: '{"a":1,"a":2}', value: { a: 2 } },
  { what: '100 levels', body: nested(99, '{}'), value: JSON.parse(nested(99, '{}')) },
  { what: 'brackets in strings, which are no levels', body: `"${'[{'.repeat(200)}"`, value: '[{'.repeat(200) },
  { what: 'brackets after an escaped quote', body: `"\\"${'['.repeat(200)}"`, value: `"${'['.repeat(200)}` },
  { what: 'a string that ends in a backslash', body: `["\\\\",${nested(99)}]`, value: ['\\', JSON.parse(nested(99))] },
  {
    what: 'many lists side by side',
    body: `[${'[],'.repeat(500)}0]`,
    value: [...Array.from({ length: 500 }, () => []), 0],
  },
]
for (const { what, body, value } of values) {
  test(`${what} is read`, () => {
    assert.deepEqual(read(body), value)
  })
}

test('__proto__ is a key like any other, also beside lone surrogates', () => {
  for (const body of ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1},"b":"\\ud800"}']) {
    const value = read(body)
    assert.ok(typeof value === 'object' && value !== null)
    assert.ok(Object.hasOwn(value, '__proto__'))
    assert.equal('a' in value, false)
  }
})

const types: readonly (readonly [header: string | undefined, code: string | undefined])[] = [
  [undefined, 'unsupported_media_type'],
  ['', 'unsupported_media_type'],
  ['text/plain', 'unsupported_media_type'],
  ['application/json2', 'unsupported_media_type'],
  ['application/x-www-form-urlencoded', 'unsupported_media_type'],
  ['multipart/form-data; boundary=application/json', 'unsupported_media_type'],
  ['text/plain, application/json', 'unsupported_media_type'],
  ['application/json; charset=utf-16', 'unsupported_charset'],
  ['application/json; charset=latin1', 'unsupported_charset'],
  ['application/json', undefined],
  ['APPLICATION/JSON', undefined],
  ['application/json;charset=UTF-8', undefined],
  ['application/json; charset="utf-8"', undefined],
  ['application/json ; charset=utf8 ; version=1', undefined],
  ['application/vnd.api+json', undefined],
]
for (const [header, code] of types) {
  test(`content-type ${header ?? 'absent'} is ${code === undefined ? 'accepted' : `refused as ${code}`}`, () => {
    if (code === undefined) assert.doesNotThrow(() => checkContentType(header))
    else assert.throws(() => checkContentType(header), { status: 415, code, type: 'invalid_request_error' })
  })
}

test('only bodies that are not compressed are accepted', () => {
  for (const header of [undefined, 'identity', 'Identity']) assert.doesNotThrow(() => checkContentEncoding(header))
  for (const header of ['gzip', 'br', 'deflate, gzip', 'zstd', '']) {
    assert.throws(() => checkContentEncoding(header), { status: 415, code: 'unsupported_content_encoding' })
  }
})
