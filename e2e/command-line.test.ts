import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { startCommand, workingFolder, type Exit } from './harness/command.ts'

const folders: { remove: () => void }[] = []
after(() => folders.forEach(({ remove }) => remove()))

function freshFolder(): string {
  const folder = workingFolder()
  folders.push(folder)
  return folder.path
}

function run(args: readonly string[], environment?: Record<string, string>, folder = freshFolder()): Promise<Exit> {
  return startCommand(folder, args, environment).ended
}

test('the version and the failures of a command line are its output and its exit code', async () => {
  const [version, failure] = await Promise.all([run(['--version']), run(['serve', '--store', 'nowhere'])])
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
  assert.deepEqual([version.code, version.signal, version.stderr], [0, null, ''])
  assert.deepEqual([failure.code, failure.signal, failure.stdout], [1, null, ''])
  assert.match(failure.stderr, /^The configuration cannot be used:\n {2}- store must be/)
})

test('the first run says where it listens, a key, and a line that answers; the second run keeps its key to itself', async () => {
  const folder = freshFolder()
  const first = startCommand(folder, ['serve', '--port', '0'], { LOG_LEVEL: 'error' })
  const greeting = await first.says(/^curl .*$/m)
  const url = /listens on (http:\/\/127\.0\.0\.1:\d+\/v1) /.exec(greeting)?.[1] ?? ''
  const key = /^API key \(shown only this once\): (ap_\S+)$/m.exec(greeting)?.[1] ?? ''
  const line = /^curl .*$/m.exec(greeting)?.[0] ?? ''
  assert.ok(line.startsWith(`curl ${url}/responses -H 'Authorization: Bearer ${key}'`), line)
  const answer = await promisify(execFile)('sh', ['-c', `${line} --silent --fail`])
  const response = JSON.parse(answer.stdout) as { id: string; status: string; output_text: string }
  assert.deepEqual([response.status, response.output_text], ['completed', 'You said: Hello!'])
  assert.equal(statSync(join(folder, '.antiphon')).mode & 0o077, 0, 'the folder is its owner’s alone')
  assert.equal(statSync(join(folder, '.antiphon', 'seal.key')).mode & 0o077, 0)
  first.process.kill('SIGINT')
  const exit = await first.ended
  assert.deepEqual([exit.code, exit.signal, exit.stderr], [0, null, ''])

  const second = startCommand(folder, ['serve', '--port', '0'], { LOG_LEVEL: 'error' })
  const again = await second.says(/^curl .*$/m)
  assert.ok(!again.includes('ap_') && again.includes('Bearer YOUR_API_KEY'), again)
  const base = /listens on (\S+)/.exec(again)?.[1] ?? ''
  const kept = await fetch(`${base}/responses/${response.id}`, { headers: { authorization: `Bearer ${key}` } })
  assert.deepEqual(
    [kept.status, ((await kept.json()) as { output_text: string }).output_text],
    [200, 'You said: Hello!'],
  )
  second.process.kill('SIGINT')
  assert.equal((await second.ended).code, 0)
})

test('a taken port ends the second server with what to do, and leaves the work of the first alone', async () => {
  const folder = freshFolder()
  const first = startCommand(folder, ['serve', '--port', '0'], { LOG_LEVEL: 'error', ANTIPHON_API_KEY: 'my-own-key' })
  const base = /listens on (\S+)/.exec(await first.says(/^curl .*$/m))?.[1] ?? ''
  const headers = { 'x-api-key': 'my-own-key', 'content-type': 'application/json' }
  const body = JSON.stringify({ model: 'demo', input: '/wait 1.5', stream: true })
  const stream = await fetch(`${base}/responses`, { method: 'POST', headers, body })
  const { port } = new URL(base)
  const second = await run(['serve', '--port', port], { ANTIPHON_API_KEY: 'my-own-key' }, folder)
  assert.deepEqual([second.code, second.stdout], [1, ''])
  assert.equal(
    second.stderr,
    `Port ${port} on 127.0.0.1 is taken. Choose another with --port N, or PORT=N in the environment.\n`,
  )
  assert.match(await stream.text(), /event: response\.completed/)
  first.process.kill('SIGINT')
  assert.equal((await first.ended).code, 0)
})
