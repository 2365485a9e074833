import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scratchFiles } from '../store/testing/scratch.ts'
import { runCaptured } from './testing/run-captured.ts'

const fresh = scratchFiles()

/** The keys commands over a database of their own. */
function freshKeys() {
  const store = `sqlite:${fresh('data')}/a.db`
  return (...args: readonly string[]) => runCaptured(['keys', ...args, '--store', store])
}

const refusals: readonly { args: readonly string[]; stderr: RegExp }[] = [
  { args: [], stderr: /^Say antiphon keys create/ },
  { args: ['brew'], stderr: /^Say antiphon keys create/ },
  { args: ['create', '--account', ''], stderr: /^--account must name an account\.\n$/ },
  { args: ['revoke'], stderr: /^Say which key: antiphon keys revoke ID/ },
  { args: ['revoke', 'unknown'], stderr: /^There is no active key unknown\.\n$/ },
]
for (const { args, stderr } of refusals) {
  test(`keys ${args.join(' ')} is refused`, async () => {
    const said = await freshKeys()(...args)
    assert.deepEqual([said.code, said.stdout], [1, ''])
    assert.match(said.stderr, stderr)
  })
}

test('an empty list says so', async () => {
  assert.deepEqual(await freshKeys()('list'), { code: 0, stdout: 'There are no keys.\n', stderr: '' })
})

test('keys are made for an account, listed without their secret, and revoked once, by id or by key', async () => {
  const keys = freshKeys()
  const [one, other] = [(await keys('create')).stdout.trim(), (await keys('create', '--account', 'acme')).stdout.trim()]
  for (const key of [one, other]) assert.match(key, /^ap_[0-9a-f]{12}_[\w-]{51}$/)
  const line = (key: string, rest: string) => new RegExp(`^${key.slice(3, 15)}  ${rest}$`, 'm')
  const listed = (await keys('list')).stdout
  assert.match(listed, line(one, 'default  created 20\\d\\d-[\\d:.TZ-]+'))
  assert.match(listed, line(other, 'acme  created 20\\d\\d-[\\d:.TZ-]+'))
  for (const [given, key] of [
    [one.slice(3, 15), one],
    [other, other],
  ] as const) {
    const said = `The key ${key.slice(3, 15)} is revoked. Servers that run forget it within 5 seconds.\n`
    assert.deepEqual(await keys('revoke', given), { code: 0, stdout: said, stderr: '' })
    assert.equal((await keys('revoke', given)).code, 1, 'it was revoked already')
  }
  const after = (await keys('list')).stdout
  assert.match(after, line(one, 'default  created \\S+  revoked'))
  assert.match(after, line(other, 'acme  created \\S+  revoked'))
  for (const key of [one, other]) assert.ok(!(listed + after).includes(key.slice(16)))
})
