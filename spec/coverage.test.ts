import assert from 'node:assert/strict'
import { test } from 'node:test'
import { citedIds } from './citations.ts'
import { stillFails } from './proves.ts'
import { REQUIREMENTS } from './requirements.ts'

test('every requirement of the API document is proved by a test', () => {
  const cited = citedIds()
  const unproved = Object.keys(REQUIREMENTS).filter((id) => !cited.has(id))
  assert.deepEqual(unproved, [])
})

test('tests cite no requirement that does not exist', () => {
  assert.deepEqual(
    [...citedIds()].filter((id) => !(id in REQUIREMENTS)),
    [],
  )
})

test('a known gap that starts to hold is reported', async () => {
  await stillFails('param.model', () => assert.fail('not yet'))
  await assert.rejects(
    stillFails('param.model', () => {}),
    /param\.model holds now/,
  )
})
