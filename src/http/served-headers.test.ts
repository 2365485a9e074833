import assert from 'node:assert/strict'
import { validateHeaderValue } from 'node:http'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UpstreamError } from '../core/upstream-error.ts'
import { FINISH, type ScriptedCall } from '../engine/testing/scripted-model.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { servedHeaders } from './served-headers.ts'
import { testApp } from './testing/test-app.ts'

const SERVED = { provider: 'claude', model: 'claude-sonnet-5', attempt: 2, warnings: [] }

const routes = [
  { model: 'claude-sonnet-5', route: 'claude/claude-sonnet-5; attempt=2' },
  { model: 'meta/llama:70b@v1.2', route: 'claude/meta/llama:70b@v1.2; attempt=2' },
  { model: 'a\r\nset-cookie: x=1', route: 'claude/a%0D%0Aset-cookie:%20x%3D1; attempt=2' },
  { model: 'x; attempt=1, y', route: 'claude/x%3B%20attempt%3D1%2C%20y; attempt=2' },
  { model: 'é\u{1f600}%41\ud800', route: 'claude/%C3%A9%F0%9F%98%80%2541%EF%BF%BD; attempt=2' },
  { model: '', route: 'claude/; attempt=2' },
] as const
for (const { model, route } of routes) {
  test(`${JSON.stringify(model)} stands in the header as ${route}`, () => {
    assert.deepEqual(servedHeaders({ ...SERVED, model }), { 'antiphon-route': route })
  })
}

test('whatever a model is called, the header is one, and says one route', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (model) => {
      const value = servedHeaders({ ...SERVED, model })['antiphon-route'] ?? ''
      validateHeaderValue('antiphon-route', value)
      assert.match(value, /^claude\/[\w./:@+~%!'()*-]*; attempt=2$/)
      assert.ok(value.length < 4000)
    }),
  )
})

test('who was not asked is not named, and what was left out is', () => {
  assert.deepEqual(servedHeaders(undefined), {})
  const warnings = ['a was asked in place of b', 'ü']
  assert.equal(servedHeaders({ ...SERVED, warnings })['antiphon-warnings'], 'a was asked in place of b; ?')
})

test('a list of warnings that is too long ends with a mark: the log has all of it', () => {
  const told = (count: number) => servedHeaders({ ...SERVED, warnings: Array<string>(count).fill('x'.repeat(98)) })
  assert.equal(told(20)['antiphon-warnings']?.length, 1998)
  const cut = told(21)['antiphon-warnings'] ?? ''
  assert.equal(cut.length, 2000)
  assert.match(cut, /x; x+\.\.\.$/)
})

/** The first model fails, all others answer. */
function answer(call: ScriptedCall): void {
  if (call.call.model === 'm') call.fail(new UpstreamError({ fault: 'timeout', message: 'Too late.' }))
  else call.say({ type: 'text', text: 'Hello' }, FINISH)
}

const models = {
  main: { upstreamModel: 'm', fallback: ['spare'] },
  alone: { upstreamModel: 'm' },
  spare: { provider: 'rival', upstreamModel: 'r' },
}

for (const stream of [false, true]) {
  test(`the ${stream ? 'stream' : 'answer'} says who has given it, in place of whom`, async () => {
    const { send, logger } = testApp(
      openMemoryStore(() => 0),
      { models, answer },
    )
    const { statusCode, headers } = await send('POST', '/v1/responses', { model: 'main', input: 'Hello', stream })
    assert.equal(statusCode, 200)
    assert.equal(headers['antiphon-route'], 'rival/r; attempt=2')
    assert.equal(headers['antiphon-warnings'], 'spare was asked in place of main')
    const line = logger.lines.find(({ message }) => message === 'response ended')
    assert.deepEqual(line?.facts['warnings'], ['spare was asked in place of main'])
  })
}

test('an error names nobody', async () => {
  const { send } = testApp(
    openMemoryStore(() => 0),
    { models, answer },
  )
  const { statusCode, headers } = await send('POST', '/v1/responses', { model: 'alone', input: 'Hello' })
  assert.deepEqual([statusCode, headers['antiphon-route']], [503, undefined])
})
