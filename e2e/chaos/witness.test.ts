import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../fuzz/random.ts'
import { Journal, type Deed } from './journal.ts'
import { writeScript } from './script.ts'
import type { Heard } from './wire.ts'
import type { Kind, Witness } from './witness.ts'

const ID = 'resp_1'
const TAG = 'c0-0'

/** A response as a server would send it. */
function reply(status: string, more: object = {}) {
  return { status: 200, text: JSON.stringify({ id: ID, status, output: [], ...more }) }
}

function message(text: string): object {
  return { type: 'message', content: [{ text }] }
}

/** What call `call` of the script says. */
function spoken(call: number, words: number): string {
  return Array.from({ length: words }, (_, index) => `${TAG}-${call}-${index} `).join('')
}

const SCRIPT = writeScript(TAG, createRandom(1))

/** The answer of a call, whole. */
function answer(call: number): { text: string; usage: object } {
  const { words, input } = SCRIPT.expected(call)
  return { text: spoken(call, words), usage: { input_tokens: input, output_tokens: words } }
}

function completed(call: number, more: object = {}) {
  const { text, usage } = answer(call)
  return reply('completed', { output: [message(text)], usage, ...more })
}

/** The events of a stream that says a text and ends so. */
function stream(status: string, text: string, more: object = {}): string[] {
  const item = message(text)
  const output = text === '' ? [] : [item]
  const events = [
    { type: 'response.created', response: { id: ID, status: 'in_progress', output: [] } },
    ...text.split(/(?<= )/).map((delta) => ({ type: 'response.output_text.delta', delta })),
    ...(text === '' ? [] : [{ type: 'response.output_item.done', output_index: 0, item }]),
    { type: `response.${status}`, response: { id: ID, status, output, ...more } },
  ]
  return events.map((event, index) => JSON.stringify({ ...event, sequence_number: index }))
}

function heard(events: readonly string[], over: Heard['over'] = 'done'): Heard {
  return { status: 200, events, over, text: '' }
}

/** One response, and a look at what the checker says of what was seen. */
interface Scene {
  readonly deed: Deed
  readonly witness: Witness
  readonly journal: Journal
}

function sees(kind: Kind, act: (scene: Scene) => void): string[] {
  const journal = new Journal()
  const deed = journal.begin({ kind, script: SCRIPT, isKeyed: false })
  const witness = journal.accept(deed, ID)
  assert.ok(witness)
  act({ deed, witness, journal })
  return journal.violations.map(({ rule }) => rule)
}

/** Each reply is the answer to a question that was asked after the one before had come. */
function replies(...all: readonly { status: number; text: string }[]) {
  return ({ witness }: Scene) => {
    for (const one of all) witness.sawReply(one, witness.known())
  }
}

const NOT_THERE = { status: 404, text: '{}' }
const WHOLE = stream('completed', answer(1).text, { usage: answer(1).usage })
const PARTIAL = stream('failed', spoken(1, 1), { error: { message: 'The server stopped.' } })
/** More words than its end bears. */
const BEYOND = [
  ...stream('failed', spoken(1, 3)).slice(0, 4),
  PARTIAL.at(-1)?.replace(/(?<="sequence_number":)\d+/, '4') ?? '',
]

const rows: readonly { name: string; kind?: Kind; act: (scene: Scene) => void; blamed: readonly string[] }[] = [
  {
    name: 'a life without crashes',
    act: replies(reply('queued'), reply('in_progress'), completed(1), completed(1)),
    blamed: [],
  },
  { name: 'an id that is unknown', act: replies(reply('queued'), NOT_THERE), blamed: ['lost'] },
  { name: 'a status that goes back', act: replies(reply('in_progress'), reply('queued')), blamed: ['flip'] },
  { name: 'an end that is taken back', act: replies(completed(1), reply('in_progress')), blamed: ['flip'] },
  {
    name: 'an end that changes by a byte',
    act: replies(completed(1), completed(1, { metadata: {} })),
    blamed: ['flip', 'stream'],
  },
  { name: 'a 500', act: replies({ status: 500, text: '{}' }), blamed: ['unprovoked'] },
  {
    name: 'text of two calls',
    act: replies(reply('completed', { output: [message(spoken(1, 1) + spoken(2, 1))] })),
    blamed: ['twice'],
  },
  {
    name: 'a part that is called complete',
    act: replies(
      reply('completed', { output: [message(answer(1).text.replace(/\S+ $/, ''))], usage: answer(1).usage }),
    ),
    blamed: ['twice'],
  },
  { name: 'the usage of another call', act: replies(completed(1, { usage: answer(2).usage })), blamed: ['twice'] },
  {
    name: 'a failure without a crash',
    act: replies(reply('failed', { error: { message: 'The server stopped.' } })),
    blamed: ['unprovoked'],
  },
  { name: 'cancelled by nobody', act: replies(reply('cancelled')), blamed: ['unprovoked'] },
  {
    name: 'a failure after a crash, and with a fault of ours',
    act: (scene) => {
      scene.journal.killed()
      replies(reply('failed', { error: { message: 'Something went wrong.' } }))(scene)
    },
    blamed: ['unprovoked'],
  },
  {
    name: 'a failure after a crash',
    act: (scene) => {
      scene.journal.killed()
      replies(reply('failed', { error: { message: 'The server stopped.' } }))(scene)
    },
    blamed: [],
  },
  {
    name: 'a deletion, and the id again',
    act: (scene) => {
      scene.witness.deleting()
      scene.witness.deletionOver()
      scene.witness.deleted()
      replies(NOT_THERE, completed(1))(scene)
    },
    blamed: ['flip'],
  },
  {
    name: 'an answer that comes while a deletion is under way, whose server then dies',
    act: ({ witness }) => {
      const before = witness.known()
      witness.deleting()
      witness.sawReply(completed(1), before)
      witness.deletionOver()
      witness.sawReply(NOT_THERE, witness.known())
    },
    blamed: [],
  },
  {
    name: 'a deletion that has died with its server, and a response that is gone later',
    act: (scene) => {
      scene.witness.deleting()
      scene.witness.deletionOver()
      replies(completed(1), NOT_THERE)(scene)
    },
    blamed: ['lost'],
  },
  {
    name: 'a stream and its replay',
    act: ({ witness }) => {
      witness.sawStream(heard(WHOLE.slice(0, 2), 'cut'))
      witness.sawStream(heard(WHOLE))
      witness.sawStream(heard(WHOLE.slice(2)), 2)
      witness.sawReply(completed(1), witness.known())
    },
    blamed: [],
  },
  { name: 'a gap', act: ({ witness }) => witness.sawStream(heard(WHOLE.toSpliced(1, 1))), blamed: ['stream'] },
  {
    name: 'a replay that differs in a byte',
    act: ({ witness }) => {
      witness.sawStream(heard(WHOLE))
      witness.sawStream(heard(WHOLE.with(1, `${WHOLE[1]} `)))
    },
    blamed: ['stream'],
  },
  {
    name: 'a stream that is not what is stored',
    act: ({ witness }) => {
      witness.sawStream(heard(WHOLE))
      witness.sawReply(completed(1, { metadata: { a: '1' } }), witness.known())
    },
    blamed: ['stream'],
  },
  {
    name: 'deltas that are not the text',
    act: ({ witness }) => witness.sawStream(heard(WHOLE.with(1, (WHOLE[1] ?? '').replace(TAG, 'other')))),
    blamed: ['stream'],
  },
  {
    name: 'a foreground stream whose last words were not durable',
    kind: 'stream',
    act: ({ witness, journal }) => {
      witness.sawStream(heard(WHOLE.slice(0, 4), 'cut'))
      journal.killed()
      witness.sawStream(heard(PARTIAL))
    },
    blamed: [],
  },
  {
    name: 'the same, and before it two who read on, behind what was durable and in its ending',
    kind: 'stream',
    act: ({ witness, journal }) => {
      witness.sawStream(heard(WHOLE.slice(0, 4), 'cut'))
      journal.killed()
      witness.sawStream(heard([]), 4)
      witness.sawStream(heard(PARTIAL.slice(3)), 3)
      witness.sawStream(heard(PARTIAL))
    },
    blamed: [],
  },
  {
    name: 'the same without a crash',
    kind: 'stream',
    act: ({ witness }) => {
      witness.sawStream(heard(WHOLE.slice(0, 4), 'cut'))
      witness.sawStream(heard(PARTIAL))
    },
    blamed: ['stream', 'unprovoked'],
  },
  {
    name: 'the same of a job: what it has told must be durable',
    kind: 'job',
    act: ({ witness, journal }) => {
      witness.sawStream(heard(WHOLE.slice(0, 4), 'cut'))
      journal.killed()
      witness.sawStream(heard(PARTIAL))
    },
    blamed: ['stream'],
  },
  {
    name: 'a foreground stream that is told its end by a process that stood still, after more than was durable',
    kind: 'stream',
    act: ({ witness, journal }) => {
      journal.killed()
      witness.sawStream(heard(BEYOND))
      witness.sawStream(heard(PARTIAL))
      witness.sawStream(heard(BEYOND))
    },
    blamed: [],
  },
  {
    name: 'the same, where what is stored ends otherwise',
    kind: 'stream',
    act: ({ witness, journal }) => {
      journal.killed()
      witness.sawStream(heard(BEYOND))
      witness.sawStream(heard(stream('failed', '', { error: { message: 'The server stopped.' } })))
    },
    blamed: ['stream'],
  },
  {
    name: 'the same, where other words were heard',
    kind: 'stream',
    act: ({ witness, journal }) => {
      journal.killed()
      witness.sawStream(heard(stream('failed', spoken(2, 1), { error: { message: 'The server stopped.' } })))
      witness.sawStream(heard(BEYOND))
    },
    blamed: ['stream', 'stream'],
  },
  {
    name: 'the same, where nothing stood still',
    kind: 'stream',
    act: ({ witness }) => witness.sawStream(heard(BEYOND)),
    blamed: ['stream', 'unprovoked'],
  },
  {
    name: 'a stream that goes on with other words after a crash',
    kind: 'stream',
    act: ({ witness, journal }) => {
      witness.sawStream(heard(WHOLE.slice(0, 3), 'cut'))
      journal.killed()
      witness.sawStream(heard(stream('completed', answer(2).text, { usage: answer(2).usage })))
    },
    blamed: ['stream'],
  },
]
for (const { name, kind = 'job', act, blamed } of rows) {
  test(`the checker blames ${blamed.join(' and ') || 'nothing'} for ${name}`, () => {
    assert.deepEqual(sees(kind, act), blamed)
  })
}
