import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LightMyRequestResponse } from 'fastify'
import { grammarFaults } from '../core/grammar.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import { settled } from '../engine/testing/fake-clock.ts'
import { answerWith, FINISH, type ScriptedCall } from '../engine/testing/scripted-model.ts'
import type { ResponseEvent } from '../protocol/event.ts'
import type { Response } from '../protocol/response.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { AUTHORIZED, testApp, type TestApp } from './testing/test-app.ts'

const BODY = { model: 'model', input: 'Hello' }

function fresh(answer: (call: ScriptedCall) => void = answerWith('Hello 👋')): TestApp {
  return testApp(
    openMemoryStore(() => 0),
    { answer },
  )
}

function eventsIn({ body }: LightMyRequestResponse): ResponseEvent[] {
  return [...body.matchAll(/^data: (\{.*\})$/gm)].map(([, json = '']) => JSON.parse(json) as ResponseEvent)
}

test('a stream ends in what the JSON answer of the same model is, and in what is stored', async () => {
  const { send } = fresh()
  const streamed = await send('POST', '/v1/responses', { ...BODY, stream: true })
  assert.equal(streamed.headers['content-type'], 'text/event-stream; charset=utf-8')
  assert.ok(streamed.body.endsWith('data: [DONE]\n\n'))
  const events = eventsIn(streamed)
  assert.deepEqual(grammarFaults(events), [])
  const last = events.at(-1)
  assert.ok(last?.type === 'response.completed')
  const whole = (await send('POST', '/v1/responses', BODY)).json<Response>()
  const own = (response: Response) => JSON.stringify(response).replaceAll(response.id.slice('resp_'.length), '')
  assert.equal(own(whole), own(last.response))
  assert.deepEqual((await send('GET', `/v1/responses/${last.response.id}`)).json(), last.response)
})

test('a stored stream is read again from any number, and in full', async () => {
  const { send } = fresh()
  const first = eventsIn(await send('POST', '/v1/responses', { ...BODY, stream: true }))
  const [created] = first
  assert.ok(created?.type === 'response.created')
  const path = `/v1/responses/${created.response.id}?stream=true`
  assert.deepEqual(eventsIn(await send('GET', path)), first)
  for (const after of [0, 3, first.length - 1, 1000]) {
    const answer = await send('GET', `${path}&starting_after=${after}`)
    assert.deepEqual(eventsIn(answer), first.slice(after + 1))
    assert.ok(answer.body.endsWith('data: [DONE]\n\n'))
  }
})

test('a client that reconnects says by Last-Event-ID what it has seen; starting_after comes first', async () => {
  const { send, app } = fresh()
  const first = eventsIn(await send('POST', '/v1/responses', { ...BODY, stream: true }))
  const [created] = first
  assert.ok(created?.type === 'response.created')
  const url = `/v1/responses/${created.response.id}`
  const resume = (query: string, id: string) =>
    app.inject({ method: 'GET', url: url + query, headers: { ...AUTHORIZED, 'last-event-id': id } })
  for (const seen of [0, 3, 1000]) {
    assert.deepEqual(eventsIn(await resume('?stream=true', String(seen))), first.slice(seen + 1))
  }
  assert.deepEqual(eventsIn(await resume('?stream=true&starting_after=1', '3')), first.slice(2))
  assert.deepEqual(eventsIn(await resume('?stream=true', '')), first)
  for (const wrong of ['-1', '1.5', 'resp_1', '1, 2']) {
    const { statusCode, body } = await resume('?stream=true', wrong)
    assert.deepEqual([statusCode, /"param":"([^"]*)"/.exec(body)?.[1]], [400, 'Last-Event-ID'])
  }
  assert.equal((await resume('', 'resp_1')).statusCode, 200, 'it says nothing of what is no stream')
})

const failures = [
  { what: 'refuses the request', fault: 'bad_request', status: 400, code: 'upstream_rejected', headers: {} },
  {
    what: 'refuses our key',
    fault: 'auth',
    status: 503,
    code: 'upstream_auth_failed',
    headers: { 'retry-after': '2' },
  },
  { what: 'does not know the model', fault: 'model_not_found', status: 404, code: 'model_not_found', headers: {} },
  {
    what: 'answers nonsense',
    fault: 'invalid_response',
    status: 503,
    code: 'upstream_invalid_response',
    headers: { 'retry-after': '2', 'x-should-retry': 'false' },
  },
] as const
for (const { what, fault, status, code, headers } of failures) {
  for (const stream of [false, true]) {
    test(`a provider that ${what} is a plain ${status}, ${stream ? 'also for a stream' : 'for a whole answer'}`, async () => {
      const error = new UpstreamError({ fault, message: 'It failed.', accepted: status === 503 && fault !== 'auth' })
      const { send } = fresh((call) => call.fail(error))
      const answer = await send('POST', '/v1/responses', { ...BODY, stream })
      assert.equal(answer.statusCode, status)
      assert.equal(answer.json<{ error: { code: string } }>().error.code, code)
      const { 'retry-after': retryAfter, 'x-should-retry': shouldRetry } = answer.headers
      assert.deepEqual(
        { ...(retryAfter && { 'retry-after': retryAfter }), ...(shouldRetry && { 'x-should-retry': shouldRetry }) },
        headers,
      )
    })
  }
}

test('a failure after the first word is the end of the stream, or a failed response', async () => {
  const breakOff = (call: ScriptedCall) => {
    call.say({ type: 'text', text: 'half' })
    call.fail(new UpstreamError({ fault: 'invalid_response', message: 'It broke off.' }))
  }
  const { send } = fresh(breakOff)
  const streamed = await send('POST', '/v1/responses', { ...BODY, stream: true })
  const events = eventsIn(streamed)
  assert.deepEqual([streamed.statusCode, events.at(-2)?.type, events.at(-1)?.type], [200, 'error', 'response.failed'])
  assert.ok(streamed.body.endsWith('data: [DONE]\n\n'))
  const whole = await send('POST', '/v1/responses', BODY)
  assert.deepEqual(
    [whole.statusCode, whole.json<Response>().status, whole.json<Response>().output_text],
    [200, 'failed', 'half'],
  )
})

test('what was left out of the model call is said in a header of plain ASCII', async () => {
  const { send } = fresh()
  const tools = [{ type: 'function', name: 'f', parameters: {} }, { type: 'web_search' }]
  const answer = await send('POST', '/v1/responses', { ...BODY, tools })
  assert.equal(answer.headers['antiphon-warnings'], 'web_search was left out: it is not supported yet')
  assert.equal((await send('POST', '/v1/responses', BODY)).headers['antiphon-warnings'], undefined)
})

test('a job is accepted with 202, read while it waits, cancelled and deleted', async () => {
  const { send } = fresh()
  const accepted = await send('POST', '/v1/responses', { ...BODY, background: true })
  const { id, status } = accepted.json<Response>()
  assert.deepEqual([accepted.statusCode, status], [202, 'queued'])
  const path = `/v1/responses/${id}`
  assert.deepEqual((await send('GET', path)).json(), accepted.json())
  const cancelled = await send('POST', `${path}/cancel`)
  assert.deepEqual([cancelled.statusCode, cancelled.json<Response>().status], [200, 'cancelled'])
  assert.equal((await send('POST', `${path}/cancel`)).body, cancelled.body)
  assert.deepEqual((await send('DELETE', path)).json(), { id, object: 'response.deleted', deleted: true })
  assert.equal((await send('DELETE', path)).statusCode, 404)
})

test('a job may be streamed from its acceptance where the operator allows it', async () => {
  const { send, model, engine, stop } = testApp(
    openMemoryStore(() => 0),
    { background: { streaming: true } },
  )
  await engine.start()
  const streaming = send('POST', '/v1/responses', { ...BODY, background: true, stream: true })
  while (model.calls.length === 0) await settled()
  model.calls[0]?.say({ type: 'text', text: 'Done' }, FINISH)
  const events = eventsIn(await streaming)
  assert.deepEqual(grammarFaults(events), [])
  assert.equal(events[1]?.type, 'response.queued')
  await stop()
})

test('input items are listed in pages', async () => {
  const { send } = fresh()
  const input = ['a', 'b', 'c'].map((content) => ({ role: 'user', content, id: content }))
  const { id } = (await send('POST', '/v1/responses', { ...BODY, input })).json<Response>()
  const page = await send('GET', `/v1/responses/${id}/input_items?limit=2&order=asc&after=a`)
  const { first_id, last_id, has_more } = page.json<{ first_id: string; last_id: string; has_more: boolean }>()
  assert.deepEqual([page.statusCode, first_id, last_id, has_more], [200, 'b', 'c', false])
})

test('models are listed and described under the ids that lead to them', async () => {
  const { send } = fresh()
  const list = (await send('GET', '/v1/models')).json<{ data: { id: string; owned_by: string }[] }>()
  assert.deepEqual(
    list.data.map(({ id, owned_by: owner }) => [id, owner]),
    [
      ['model', 'model'],
      ['rival', 'rival'],
    ],
  )
  assert.deepEqual((await send('GET', '/v1/models/model/large')).json(), {
    id: 'model/large',
    object: 'model',
    created: 0,
    owned_by: 'model',
  })
  assert.equal((await send('GET', '/v1/models/unknown')).statusCode, 404)
})

test('a provider that does not speak Chat Completions says so', async () => {
  const { send } = fresh()
  for (const [body, code, param] of [
    [{ model: 'model', messages: [] }, 'unsupported_endpoint', 'model'],
    [{ model: 'unknown' }, 'model_not_found', 'model'],
    [{ model: 7 }, 'invalid_type', 'model'],
    [{}, 'missing_required_parameter', 'model'],
    [[], 'invalid_type', ''],
  ] as const) {
    const { error } = (await send('POST', '/v1/chat/completions', body)).json<{
      error: { code: string; param: string }
    }>()
    assert.deepEqual([error.code, error.param], [code, param])
  }
})
