import assert from 'node:assert/strict'
import { test } from 'node:test'
import { impatientClock } from '../harness/impatient-clock.ts'
import { chunk, DONE, says, type Answer } from '../harness/upstream.ts'
import { problemIn, setStage, type StageOptions } from './stage.ts'

/** Ready answers, by the tag of the call. */
const READY = new Map<string, Answer>()

const override: StageOptions['override'] = ({ tag }) => READY.get(tag)
const stage = await setStage({ timeouts: { response_ms: 2000 }, limits: { output_bytes_max: 100_000 }, override })
/** Whoever fails again and again is left alone: not on the stage of the others. */
const failing = await setStage({ clock: impatientClock(), override })

const json = (text: string): Answer => ({ headers: { 'content-type': 'application/json' }, chunks: [text] })

const NO_STREAM: Readonly<Record<string, Answer>> = {
  'JSON that is an error': json('{"error":{"message":"Overloaded.","type":"overloaded"}}'),
  'JSON that is cut off': json('{"choices":[{"mess'),
  'nothing at all': { chunks: [] },
  'nothing at all, as JSON': json(''),
  'a page': { headers: { 'content-type': 'text/html' }, chunks: ['<html><body>Welcome to our network</body></html>'] },
}

for (const [name, answer] of Object.entries(NO_STREAM)) {
  for (const stream of [true, false]) {
    test(`U-05: status 200 with ${name}${stream ? ' for a stream' : ''} is an error, and no empty answer`, async () => {
      READY.set('no-stream', answer)
      const { status, code, message } = await problemIn(await failing.ask('[tag:no-stream]', { stream }))
      assert.equal(status, 503)
      assert.match(code, /^upstream_(?:invalid_response|unavailable)$/)
      assert.doesNotMatch(message, /html|network/)
    })
  }
}

for (const stream of [true, false]) {
  test(`U-06: a stream of a provider that begins with an error is refused with a status, ${stream ? 'streamed' : 'whole'}`, async () => {
    const { status, code } = await problemIn(await failing.ask('[tag:error-only] [do: 503@0]', { stream }))
    assert.deepEqual([status, code], [503, 'upstream_unavailable'])
  })
}

/** What breaks an answer off after three words, and what is said of it. */
const BROKEN = [
  { id: 'U-07', fault: 'reset@3', how: 'is reset', code: 'upstream_unavailable' },
  { id: 'U-07', fault: 'cut@3', how: 'is cut', code: 'upstream_unavailable' },
  { id: 'U-07', fault: '503@3', how: 'says that it has failed', code: 'upstream_unavailable' },
  { id: 'U-08', fault: 'eof@3', how: 'ends properly, but without a finish', code: 'upstream_invalid_response' },
  { id: 'U-16', fault: 'garbage@3', how: 'says garbage', code: 'upstream_invalid_response' },
] as const

for (const { id, fault, how, code } of BROKEN) {
  test(`${id}: a provider that ${how} after some words: response.failed with them, and it is not asked again`, async () => {
    const tag = `broken-${fault}`
    const ending = await stage.stream(`[tag:${tag.replace('@', '.')}] [do: chunks=9 pace=5 ${fault}]`)
    assert.deepEqual([ending.final.status, ending.code, ending.types.at(-1)], ['failed', code, 'response.failed'])
    assert.equal(ending.final.output_text, ending.deltas.join(''))
    assert.match(ending.final.output_text, /-1-0 /, 'the words of the first call')
    assert.ok((ending.final.usage?.output_tokens ?? 0) > 0, 'what was used is estimated')
    assert.equal((await stage.upstream.counts(tag.replace('@', '.'))).received, 1)
  })
}

test('U-11: a provider that says a byte now and then is cut at the deadline', async () => {
  const { final } = await stage.stream('[tag:loris] [do: loris@2 pace=20]')
  assert.equal(final.status, 'failed')
  assert.match(final.error?.message ?? '', /2 (?:s|seconds)|2000|time/)
  const { aborted } = await stage.upstream.until('loris', ({ open }) => open === 0)
  assert.equal(aborted, 1)
})

test('U-12: an answer that never ends is cut at the limit of its bytes', async () => {
  const { final, code } = await stage.stream('[tag:endless] [do: endless]')
  assert.deepEqual([final.status, code], ['failed', 'upstream_invalid_response'])
  assert.ok(final.output_text.length < 100_000 + 100, 'no more than the delta that went beyond')
  const { aborted } = await stage.upstream.until('endless', ({ open }) => open === 0)
  assert.equal(aborted, 1)
})

test('U-14: an answer that comes byte by byte says the same', async () => {
  const text = 'Grüße, 世界! 👩‍👩‍👧‍👦🇨🇭 e\u0301 \u{1F600}\u200D'
  READY.set('bytes', says(text))
  for (const { reset } of stage.network.live()) reset()
  stage.network.set({ slice: { least: 1, most: 1 } }, 'down')
  const { final, deltas } = await stage.stream('[tag:bytes]')
  stage.network.clear()
  assert.deepEqual([final.output_text, deltas.join('')], [text, text])
})

const call = (call_id: string, name: string, args: string, index = 0) =>
  chunk({ tool_calls: [{ index, id: call_id, type: 'function', function: { name, arguments: args } }] })

test('U-16: a call whose arguments are cut by garbage is not told as a whole one', async () => {
  READY.set('half-call', { chunks: [call('call_1', 'weather', '{"place":"Ro'), 'data: {"choi\n\n', DONE] })
  const tools = [{ type: 'function', name: 'weather', parameters: {} }]
  const { final, types } = await stage.stream('[tag:half-call]', { tools })
  assert.deepEqual(
    [final.status, final.output.map(({ type, status }) => [type, status])],
    ['failed', [['function_call', 'incomplete']]],
  )
  assert.ok(!types.includes('response.function_call_arguments.done') || final.output[0]?.status === 'incomplete')
})

test('U-18: what comes after the end of an answer is not heard', async () => {
  const finish = chunk(
    {},
    { finish_reason: 'stop', usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 } },
  )
  const late = chunk({ content: ' And more.' })
  const length = chunk({}, { finish_reason: 'length' })
  READY.set('late', { chunks: [chunk({ content: 'Done.' }), finish, length, finish, DONE, late, length, DONE] })
  const { final, types } = await stage.stream('[tag:late]')
  assert.deepEqual([final.status, final.output_text], ['completed', 'Done.'])
  assert.equal(types.filter((type) => type === 'response.completed').length, 1)
})

test('U-34: a call of a tool that was not offered is data, and more calls than any model makes are a failure', async () => {
  READY.set('stranger', {
    chunks: [call('call_1', 'rm', '{"path":"/"}'), chunk({}, { finish_reason: 'tool_calls' }), DONE],
  })
  const { final } = await stage.stream('[tag:stranger]')
  assert.deepEqual(
    final.output.map(({ type }) => type),
    ['function_call'],
  )
  const many = Array.from({ length: 10_000 }, (_, index) => call(`call_${index}`, 'f', '{}', index))
  READY.set('many', { chunks: [many.join(''), chunk({}, { finish_reason: 'tool_calls' }), DONE] })
  const flood = await stage.stream('[tag:many]')
  assert.deepEqual([flood.final.status, flood.code], ['failed', 'upstream_invalid_response'])
  assert.ok(flood.final.output.length < 10_000)
})
