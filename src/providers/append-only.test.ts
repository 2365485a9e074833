import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { HistoryItem } from '../core/model-call.ts'
import { isJsonObject, type JsonObject } from '../protocol/json.ts'
import type { Adapter } from './adapter.ts'
import { providerSetup } from './testing/chat-provider.ts'
import type { Conforming } from './testing/conformance/suite.ts'
import { histories, step } from './testing/histories.ts'
import { assistant, modelCall, user } from './testing/model-call.ts'
import { OneAnswer } from './testing/one-answer.ts'

const TOOLS = ['f', 'g'].map((name) => ({
  name,
  description: undefined,
  parameters: { type: 'object' },
  strict: undefined,
}))

const families = await Promise.all(
  globSync('src/providers/*/testing/fixtures.ts')
    .toSorted()
    .map((file) => import(new URL(`../../${file}`, import.meta.url).href) as Promise<{ conforming: Conforming }>),
)

/** The bytes that a thread becomes, and the list of messages in them. */
async function sent(adapter: Adapter, transport: OneAnswer, history: readonly HistoryItem[]) {
  const call = modelCall({ history, tools: TOOLS, instructions: 'Be brief.', promptCacheKey: 'thread' })
  await adapter
    .prepare(call)
    .send(new AbortController().signal, () => undefined)
    .catch(() => {}) // It answers nothing.
  const text = String(transport.requests.at(-1)?.body)
  const body: unknown = JSON.parse(text)
  assert.ok(isJsonObject(body))
  const list = ['messages', 'contents', 'input'].find((name) => Array.isArray(body[name])) ?? ''
  const messages = body[list] as readonly JsonObject[] // It is a list.
  return {
    text,
    rest: JSON.stringify({ ...body, [list]: [] }),
    messages: messages.map((message) => JSON.stringify(message)),
  }
}

/** Marks of where a provider is to cache up to move with the end of a thread: they are no part of what is cached. */
const withoutMarks = (messages: readonly string[]) =>
  messages.map((message) => message.replaceAll(/,?\{"cachePoint":\{[^}]*\}\}/g, ''))

for (const { conforming } of families) {
  test(`${conforming.name}: the same thread gives the same bytes, and a longer one begins with them`, async () => {
    const transport = new OneAnswer('{}')
    const adapter = conforming.family.create(providerSetup(transport, conforming.setup))
    await fc.assert(
      fc.asyncProperty(histories, fc.array(step, { maxLength: 3 }), async (history, more) => {
        const before = [...history, user('and?')]
        const first = await sent(adapter, transport, before)
        assert.equal((await sent(adapter, transport, before)).text, first.text)
        const longer = await sent(adapter, transport, [...before, assistant('This.'), ...more.flat()])
        assert.equal(longer.rest, first.rest)
        assert.deepEqual(withoutMarks(longer.messages.slice(0, first.messages.length)), withoutMarks(first.messages))
      }),
      { numRuns: 50 },
    )
  })
}
