import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idOf } from '../testing/rows.ts'
import { News } from './news.ts'

const here = new News('here')

const there = new News('there')

test('what one process says another one understands, and it itself does not', () => {
  const [, [message = '']] = here.words([idOf(1), 'queue', idOf(2), idOf(1)])
  assert.deepEqual(there.understand(message), [idOf(1), 'queue', idOf(2)])
  assert.deepEqual(here.understand(message), [])
})

test('nothing is said where there is nothing to say', () => {
  assert.deepEqual(here.words([])[1], [])
})

test('many changes are several messages, none of them longer than 8,000 bytes', () => {
  const ids = Array.from({ length: 1000 }, (_, number) => idOf(number))
  const [, messages] = here.words(ids)
  assert.ok(messages.length > 1 && messages.every((message) => message.length < 8000))
  assert.deepEqual(
    messages.flatMap((message) => there.understand(message)),
    ids,
  )
})

test('what is no change is passed over', () => {
  for (const message of ['', 'there', 'other', 'other  ', 'other resp_ä', `other x ${'y'.repeat(100)}`]) {
    assert.deepEqual(here.understand(message), [], message)
  }
})
