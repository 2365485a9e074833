import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStage } from './stage.ts'

test('what is to be done at the end is done once, unless it was taken back, and at once where it is over', () => {
  const [stage, done] = [createStage(), [] as string[]]
  stage.onStopped(() => done.push('first'))
  stage.onStopped(() => done.push('never'))()
  stage.enter('draining')
  assert.equal(done.length, 0)
  stage.enter('stopped')
  stage.enter('stopped')
  stage.onStopped(() => done.push('late'))
  assert.deepEqual(done, ['first', 'late'])
})

test('what was taken back, once or twice, takes nothing of others with it', () => {
  const [stage, done] = [createStage(), [] as string[]]
  const takeBack = stage.onStopped(() => done.push('never'))
  takeBack()
  stage.onStopped(() => done.push('first'))
  takeBack()
  stage.onStopped(() => done.push('second'))
  stage.enter('stopped')
  assert.deepEqual(done, ['first', 'second'])
})
