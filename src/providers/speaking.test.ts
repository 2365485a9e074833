import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HistoryItem } from '../core/model-call.ts'
import { speaking } from './speaking.ts'
import { assistant, functionCall, functionOutput, user } from './testing/model-call.ts'

const native: HistoryItem = { type: 'native', item: { type: 'odd' } }
const thought = (state: string | undefined): HistoryItem => ({ type: 'reasoning', text: 'Hm.', state })
const refusal: HistoryItem = { type: 'message', role: 'assistant', parts: [{ type: 'refusal', refusal: 'No.' }] }

/** Histories, and the places in them of what says something. */
const rows: readonly { name: string; history: readonly HistoryItem[]; kept: readonly number[] }[] = [
  { name: 'words of both sides', history: [user('Hi'), assistant('Yes?'), user('Go on.')], kept: [0, 1, 2] },
  { name: 'an assistant without a word', history: [user('Hi'), assistant(' \n'), user('Go on.')], kept: [0, 2] },
  { name: 'a user without a word', history: [user(''), assistant('Yes?')], kept: [0, 1] },
  { name: 'a refusal', history: [user('Hi'), refusal], kept: [0, 1] },
  { name: 'thinking before words', history: [user('Hi'), thought('mine'), assistant('Yes?')], kept: [0, 1, 2] },
  { name: 'thinking of others', history: [user('Hi'), thought(undefined), assistant('Yes?')], kept: [0, 2] },
  {
    name: 'thinking before thinking, and an item of the provider between',
    history: [user('Hi'), thought('mine'), native, thought('mine'), functionCall('1', 'f'), functionOutput('1', '')],
    kept: [0, 1, 3, 4, 5],
  },
  { name: 'thinking at the end of a turn', history: [user('Hi'), thought('mine'), user('Go on.')], kept: [0, 2] },
  { name: 'thinking before nothing', history: [user('Hi'), thought('mine'), assistant('')], kept: [0] },
]
for (const { name, history, kept } of rows) {
  test(`Of ${name}, what says something is kept`, () => {
    assert.deepEqual(
      speaking(history, (state) => state === 'mine'),
      kept.map((place) => history[place]),
    )
  })
}
