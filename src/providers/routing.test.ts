import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { traitsOf } from '../core/capability.ts'
import type { Adapter } from './adapter.ts'
import { TAKES_ALL } from './testing/content.ts'
import { createCatalogue, type Catalogue, type ModelEntry } from './routing.ts'

function adapter(id: string, families?: RegExp, models: readonly string[] = []): Adapter {
  return {
    id,
    families,
    content: TAKES_ALL,
    takesSchemas: () => true,
    prepare: () => assert.fail('Nobody asked for a call.'),
    listModels: () => Promise.resolve(models),
  }
}

function entry(provider: string, fields: Partial<ModelEntry> = {}): ModelEntry {
  return {
    provider,
    upstreamModel: undefined,
    streaming: undefined,
    reasoning: undefined,
    input: undefined,
    contextWindow: undefined,
    maxOutputTokens: undefined,
    ...fields,
  }
}

const openai = adapter('openai', /^gpt-/, ['gpt-5', 'gpt-4o'])
const claude = adapter('claude', /^claude-/, ['claude-9'])
const local = adapter('local', undefined, ['qwen', 'gpt-4o', 'openai/gpt-5'])

function catalogue(options: Partial<Parameters<typeof createCatalogue>[0]> = {}): Catalogue {
  return createCatalogue({
    adapters: [openai, claude, local],
    models: new Map(),
    defaultProvider: undefined,
    ...options,
  })
}

const models = new Map([
  ['fast', entry('local', { upstreamModel: 'qwen' })],
  ['gpt-5', entry('claude')],
  ['openai/gpt-4o', entry('local')],
  ['orphan', entry('nobody')],
  ['gpt-orphan', entry('nobody')],
])

interface Row {
  readonly model: string
  /** Provider and the model's name there; undefined where nobody has it. */
  readonly leadsTo: readonly [string, string] | undefined
  readonly why: string
  readonly defaultProvider?: string
}

const rows: readonly Row[] = [
  { model: 'fast', leadsTo: ['local', 'qwen'], why: 'an entry names the provider and its model' },
  { model: 'gpt-5', leadsTo: ['claude', 'gpt-5'], why: 'an entry comes before the family' },
  { model: 'openai/gpt-4o', leadsTo: ['local', 'openai/gpt-4o'], why: 'an entry comes before a provider with a slash' },
  { model: 'openai/gpt-5', leadsTo: ['openai', 'gpt-5'], why: 'a provider is named with a slash' },
  { model: 'local/gpt-5', leadsTo: ['local', 'gpt-5'], why: 'a provider with a slash comes before the family' },
  { model: 'local/a/b', leadsTo: ['local', 'a/b'], why: 'only the first slash counts' },
  { model: 'local/', leadsTo: ['local', ''], why: 'what is after the slash is the model, be it nothing' },
  { model: 'gpt-4.1', leadsTo: ['openai', 'gpt-4.1'], why: 'it is of a family' },
  { model: 'claude-x', leadsTo: ['claude', 'claude-x'], why: 'it is of another family' },
  {
    model: 'gpt-4.1',
    defaultProvider: 'local',
    leadsTo: ['openai', 'gpt-4.1'],
    why: 'the family comes before the default',
  },
  { model: 'qwen', defaultProvider: 'local', leadsTo: ['local', 'qwen'], why: 'the default takes all others' },
  { model: 'acme/qwen', defaultProvider: 'local', leadsTo: ['local', 'acme/qwen'], why: 'acme is no provider' },
  { model: '/gpt-5', defaultProvider: 'local', leadsTo: ['local', '/gpt-5'], why: 'no provider is named by nothing' },
  { model: 'orphan', defaultProvider: 'local', leadsTo: ['local', 'orphan'], why: 'its entry leads nowhere' },
  { model: 'gpt-orphan', leadsTo: ['openai', 'gpt-orphan'], why: 'its entry leads nowhere, its family does' },
  { model: 'qwen', leadsTo: undefined, why: 'there is no default' },
  { model: 'qwen', defaultProvider: 'nobody', leadsTo: undefined, why: 'the default is not there' },
  { model: 'orphan', leadsTo: undefined, why: 'its entry leads nowhere, and there is no default' },
  { model: '', leadsTo: undefined, why: 'it is nothing' },
]
for (const { model, leadsTo, why, defaultProvider } of rows) {
  const target = leadsTo === undefined ? 'nowhere' : leadsTo.join(' as ')
  test(`${model} leads to ${target}, with ${defaultProvider ?? 'no'} default: ${why}`, () => {
    const route = catalogue({ models, defaultProvider }).resolve(model)
    assert.deepEqual(route && [route.adapter.id, route.upstreamModel], leadsTo)
  })
}

const traits = [
  { what: 'its own name', model: 'o3-mini', entry: undefined, expected: traitsOf('o3-mini') },
  {
    what: 'the name it has upstream',
    model: 'smart',
    entry: entry('openai', { upstreamModel: 'o3-mini' }),
    expected: { ...traitsOf('smart'), reasoning: true },
  },
  {
    what: 'its entry, whatever its name says',
    model: 'o3-mini',
    entry: entry('openai', {
      reasoning: false,
      streaming: false,
      input: ['text'],
      contextWindow: 9,
      maxOutputTokens: 5,
    }),
    expected: { streaming: false, reasoning: false, input: ['text'], contextWindow: 9, maxOutputTokens: 5 },
  },
  {
    what: 'the client’s name, where that one cannot stream',
    model: 'TEE/x',
    entry: entry('openai', { upstreamModel: 'x' }),
    expected: { ...traitsOf('x'), streaming: false },
  },
  {
    what: 'its entry, where the name could not stream',
    model: 'TEE/x',
    entry: entry('openai', { streaming: true }),
    expected: { ...traitsOf('x'), streaming: true },
  },
]
for (const { what, model, entry: given, expected } of traits) {
  test(`The traits of ${model} are told from ${what}`, () => {
    const map = new Map(given === undefined ? [] : [[model, given]])
    assert.deepEqual(catalogue({ models: map, defaultProvider: 'openai' }).resolve(model)?.traits, expected)
  })
}

test('The list has the entries first, then what each provider offers, under ids that lead to it', async () => {
  const listed = await catalogue({
    models: new Map([['fast', entry('local', { upstreamModel: 'qwen' })]]),
    defaultProvider: 'local',
  }).list(new AbortController().signal)
  assert.deepEqual(listed, [
    { id: 'fast', owner: 'local' },
    { id: 'gpt-5', owner: 'openai' },
    { id: 'gpt-4o', owner: 'openai' },
    { id: 'claude-9', owner: 'claude' },
    { id: 'qwen', owner: 'local' },
    { id: 'local/gpt-4o', owner: 'local' },
    { id: 'local/openai/gpt-5', owner: 'local' },
  ])
})

test('A provider that cannot be asked offers nothing, and the others all the same', async () => {
  const broken: Adapter = { ...adapter('broken'), listModels: () => Promise.reject(new Error('Down.')) }
  const listed = await catalogue({ adapters: [broken, claude] }).list(new AbortController().signal)
  assert.deepEqual(listed, [{ id: 'claude-9', owner: 'claude' }])
})

test('Providers are asked with the signal of the caller', async () => {
  const control = new AbortController()
  const seen: AbortSignal[] = []
  const asked: Adapter = { ...adapter('asked'), listModels: (signal) => Promise.resolve(seen.push(signal) ? [] : []) }
  await catalogue({ adapters: [asked] }).list(control.signal)
  assert.deepEqual(seen, [control.signal])
})

test('Every id of the list is there once and leads to its owner', async () => {
  const name = fc.constantFrom<string[]>('a', 'b', 'a/b', 'b/a', 'a/a', 'x', 'x-1', 'b/x')
  const names = fc.uniqueArray(name, { maxLength: 4 })
  const setting = fc.record({
    offers: fc.tuple(names, names, names),
    own: fc.uniqueArray(fc.tuple(fc.constantFrom<string[]>('x', 'y', 'x-1'), fc.constantFrom('a', 'b')), {
      selector: ([id]) => id,
    }),
    defaultProvider: fc.constantFrom('a', 'b', undefined),
  })
  await fc.assert(
    fc.asyncProperty(setting, async ({ offers, own, defaultProvider }) => {
      const [first, second, third] = offers
      const adapters = [adapter('a', /^x/, first), adapter('b', undefined, second), adapter('c', /^x-/, third)]
      const entries = new Map(own.map(([id, provider]) => [id, entry(provider)]))
      const whole = createCatalogue({ adapters, models: entries, defaultProvider })
      const listed = await whole.list(new AbortController().signal)
      assert.equal(new Set(listed.map(({ id }) => id)).size, listed.length)
      const offered = new Map(adapters.map(({ id }, index) => [id, offers[index]]))
      for (const { id, owner } of listed) {
        const route = whole.resolve(id)
        assert.equal(route?.adapter.id, owner, id)
        assert.ok(entries.has(id) || offered.get(owner)?.includes(route?.upstreamModel ?? ''), id)
      }
    }),
    { numRuns: 500 },
  )
})
