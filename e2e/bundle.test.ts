import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { VERSION } from '../src/version.ts'
import { workingFolder } from './harness/command.ts'
import { readStream } from './harness/server.ts'
import { says, startUpstream, type Upstream } from './harness/upstream.ts'

const BYTES_MAX = 5_000_000

const folder = workingFolder()
const dist = join(folder.path, 'dist')
const work = join(folder.path, 'work')
let upstream: Upstream

before(async () => {
  upstream = await startUpstream()
  execFileSync(process.execPath, ['scripts/build.ts', dist])
  mkdirSync(work)
  const local = `local: { kind: openai-chat, base_url: "${upstream.baseUrl}" }`
  const providers = `providers: { ${local}, aws: { kind: bedrock, region: us-east-1 } }`
  writeFileSync(join(work, 'antiphon.yaml'), `${providers}\nserver: { metrics: true }\ntimeouts: { lame_duck_ms: 0 }\n`)
})

after(async () => {
  await upstream.close()
  folder.remove()
})

/** Runs the bundle with a Node that has nothing but Node, and gives what it printed. */
async function run(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(dist, 'main.js'), ...args], { cwd: work })
  return stdout
}

/** Starts a server from the bundle, on a fresh database beside its configuration. */
async function serve(): Promise<{ process: ChildProcess; url: string; headers: Record<string, string> }> {
  const args = [join(dist, 'main.js'), 'serve', '--config', 'antiphon.yaml', '--port', '0']
  const child = spawn(process.execPath, args, {
    cwd: work,
    env: { LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  for await (const text of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    said += String(text)
    if (said.includes('\ncurl ')) break
  }
  const url = /listens on (http:\S+)\/v1 /.exec(said)?.[1]
  const key = /^API key \(shown only this once\): (ap_\S+)$/m.exec(said)?.[1]
  assert.ok(url !== undefined && key !== undefined, said)
  return { process: child, url, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } }
}

test('the package holds all it needs, says whose work it contains, and is small', () => {
  const files = globSync(join(dist, '**')).filter((path) => statSync(path).isFile())
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0)
  assert.ok(bytes > 500_000 && bytes <= BYTES_MAX, `${bytes} bytes`)
  const manifest = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8')) as Record<string, unknown>
  const { name, version, bin, engines, license, dependencies, peerDependenciesMeta } = manifest
  assert.deepEqual(
    { name, version, bin, engines, license, dependencies, peerDependenciesMeta },
    {
      name: 'antiphon',
      version: VERSION,
      bin: { antiphon: './main.js' },
      engines: { node: '>=24' },
      license: 'MIT',
      dependencies: undefined,
      peerDependenciesMeta: { '@aws-sdk/client-bedrock-runtime': { optional: true } },
    },
  )
  assert.match(readFileSync(join(dist, 'main.js'), 'utf8'), /^#!\/usr\/bin\/env node\n/)
  assert.equal(statSync(join(dist, 'main.js')).mode & 0o111, 0o111, 'it can be run by its name')
  for (const file of ['LICENSE', 'README.md']) assert.deepEqual(readFileSync(join(dist, file)), readFileSync(file))
  const licences = readFileSync(join(dist, 'THIRD-PARTY-LICENSES'), 'utf8')
  const { dependencies: bundled } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: object }
  for (const [dependency, of] of Object.entries(bundled))
    assert.ok(licences.includes(`\n${dependency} ${of} (`), dependency)
})

test('the bundle runs where no package is installed', async () => {
  assert.throws(() => createRequire(join(dist, 'main.js'))('fastify'), { code: 'MODULE_NOT_FOUND' })
  assert.equal(await run('--version'), `${VERSION}\n`)
  assert.match(await run('--help'), /Usage\n {2}antiphon serve /)
  assert.match(await run('config', 'check', '--config', 'antiphon.yaml'), /^The configuration is valid\./)
})

test('several processes are started from the bundle, and what keeps the first from starting is said once', async () => {
  const elsewhere = ['--host', '192.0.2.1', '--store', 'postgres://127.0.0.1:1/none']
  const args = ['serve', '--config', 'antiphon.yaml', '--workers', '2', ...elsewhere]
  await assert.rejects(run(...args), ({ code, stderr }: { code: number; stderr: string }) => {
    assert.equal(code, 1)
    assert.equal(stderr.match(/EADDRNOTAVAIL|cannot be opened/g)?.length, 1, stderr)
    return true
  })
})

test('the bundle answers, streams, goes on with a thread, reaches a provider, and stops when told', async () => {
  upstream.answer(() => says('From afar.'))
  const { process: server, url, headers } = await serve()
  const ended = once(server, 'close')
  try {
    for (const path of ['/live', '/ready', '/docs', '/openapi.json', '/metrics']) {
      assert.equal((await fetch(url + path)).status, 200, path)
    }
    const post = (body: object) => fetch(`${url}/v1/responses`, { method: 'POST', headers, body: JSON.stringify(body) })
    const json = async (answer: Promise<Response>) => (await answer).json() as Promise<Record<string, unknown>>

    const first = await json(post({ model: 'demo', input: 'My name is Alice.' }))
    const thread = { model: 'demo', input: 'What is my name?', previous_response_id: first['id'] }
    const second = await json(post(thread))
    assert.equal(second['output_text'], 'Your name is Alice.')
    const events = await readStream(await post({ ...thread, stream: true }))
    assert.equal(events.at(-1)?.['type'], 'response.completed')
    assert.equal((await json(post({ model: 'local/m', input: 'Hi' })))['output_text'], 'From afar.')
    const lacking = await post({ model: 'aws/amazon.nova-lite-v1:0', input: 'Hi' })
    assert.equal(lacking.status, 503)
    assert.match(
      await lacking.text(),
      /"message":"The provider aws .*npm install @aws-sdk\/client-bedrock-runtime".*not_installed/,
    )
  } finally {
    server.kill('SIGTERM')
  }
  assert.deepEqual(await ended, [0, null])
  assert.match(await run('keys', 'list', '--config', 'antiphon.yaml'), / default {2}created /)
})
