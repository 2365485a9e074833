import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFiles } from '../store/testing/scratch.ts'
import { VERSION } from '../version.ts'
import { runCaptured } from './testing/run-captured.ts'

const fresh = scratchFiles()

function configFile(yaml: string): string {
  const path = fresh('config.yaml')
  writeFileSync(path, yaml)
  return path
}

interface Row {
  readonly args: readonly string[]
  readonly environment?: Record<string, string>
  readonly code: number
  readonly stdout?: RegExp
  readonly stderr?: RegExp
}

const USAGE = /Usage\n {2}antiphon serve .*--port N/
const rows: readonly Row[] = [
  { args: ['--version'], code: 0, stdout: /^\d+\.\d+\.\d+\n$/ },
  { args: ['--help'], code: 0, stdout: USAGE },
  { args: ['serve', '-h'], code: 0, stdout: USAGE },
  { args: ['help'], code: 0, stdout: USAGE },
  { args: [], code: 0, stdout: USAGE },
  { args: ['brew'], code: 1, stderr: /^There is no command brew\.\n[\s\S]*Usage/ },
  { args: ['serve', '--brew'], code: 1, stderr: /^Unknown option '--brew'/ },
  { args: ['serve', '--port'], code: 1, stderr: /'--port <value>' argument missing/ },
  { args: ['serve', '--role', 'api'], code: 1, stderr: /server\.role must be all: a sqlite: store serves one process/ },
  { args: ['serve', '--role', 'cook'], code: 1, stderr: /server\.role must be one of all, api, worker\./ },
  { args: ['serve', '--workers', '2'], code: 1, stderr: /server\.workers must be 1: a sqlite: store serves one/ },
  { args: ['serve', '--workers', 'two'], code: 1, stderr: /server\.workers must be a whole number\./ },
  { args: ['serve', '--workers', '0'], code: 1, stderr: /server\.workers must be at least 1\./ },
  {
    args: ['serve'],
    environment: { LOG_LEVEL: 'loud' },
    code: 1,
    stderr: /^LOG_LEVEL must be one of fatal, .*, got loud\.\n$/,
  },
  {
    args: ['serve', '--port', 'x'],
    code: 1,
    stderr: /^The configuration cannot be used:\n {2}- server\.port must be a whole number\.\n$/,
  },
  {
    args: ['serve', '--config', 'none.yaml'],
    code: 1,
    stderr: /^The configuration cannot be used:\n {2}- The configuration file none\.yaml cannot be read: ENOENT/,
  },
  { args: ['serve', '--store', 'mysql://host/db'], code: 1, stderr: /store must be sqlite:PATH, memory: or postgres:/ },
  { args: ['config'], code: 1, stderr: /^Say antiphon config check or antiphon config schema\.\n$/ },
  { args: ['config', 'check'], code: 0, stdout: /^The configuration is valid\. Providers: demo\. Models: 0\.\n$/ },
  { args: ['config', 'check'], environment: { OPENAI_API_KEY: 'x' }, code: 0, stdout: /Providers: demo, openai\./ },
  { args: ['keys', 'list', '--store', 'memory:'], code: 1, stderr: /^Keys of a memory: store go with its process/ },
]
for (const { args, environment = {}, code, stdout = /^$/, stderr = /^$/ } of rows) {
  test(`antiphon ${[...args, ...Object.entries(environment)].join(' ')} ends with ${code}`, async () => {
    const said = await runCaptured(args, environment)
    assert.equal(said.code, code, said.stderr)
    assert.match(said.stdout, stdout)
    assert.match(said.stderr, stderr)
  })
}

test('the version is that of package.json', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  assert.equal((JSON.parse(text) as { version: string }).version, VERSION)
})

test('config schema prints the JSON Schema that files are checked against', async () => {
  const { stdout } = await runCaptured(['config', 'schema'])
  const schema = JSON.parse(stdout) as { properties: Record<string, unknown>; additionalProperties: boolean }
  assert.equal(schema.additionalProperties, false)
  assert.deepEqual(Object.keys(schema.properties).sort(), [
    'background',
    'default_provider',
    'egress',
    'keys',
    'limits',
    'models',
    'providers',
    'retention',
    'sealing_key',
    'server',
    'store',
    'timeouts',
  ])
})

test('config check counts what a file names', async () => {
  const config = configFile('providers: { p: { kind: demo } }\nmodels: { a: { provider: p }, b: { provider: demo } }\n')
  assert.equal(
    (await runCaptured(['config', 'check', '--config', config])).stdout,
    'The configuration is valid. Providers: demo, p. Models: 2.\n',
  )
})

for (const command of ['serve', 'config check', 'keys list']) {
  test(`O-14: ${command} with a bad configuration tells all its problems and no secret, and makes nothing`, async () => {
    const folder = fresh('data')
    const yaml = `serverr: {}\nstore: "sqlite:${folder}/a.db"\nproviders: { p: { kind: openai-chat, api_key: sk-secret } }\nkeys: [{ account: a, key: "\${NO_KEY}" }]\n`
    const said = await runCaptured([...command.split(' '), '--config', configFile(yaml)])
    const problems = [
      'The configuration cannot be used:',
      '  - keys[0].key needs the environment variable NO_KEY.',
      '  - serverr is not a setting.',
      '  - providers.p.base_url is needed: the dialect generic has no address of its own.',
      '',
    ]
    assert.deepEqual(said, { code: 1, stdout: '', stderr: problems.join('\n') })
    assert.equal(existsSync(folder), false)
  })
}

/** Arguments of a server with a file of its own, so that it looks for no provider. */
function serveArgs(store: string, ...more: readonly string[]): readonly string[] {
  return ['serve', '--config', configFile(''), '--store', store, '--port', '0', ...more]
}

test('a data folder that cannot be made is named, with what to do', async () => {
  const store = `sqlite:${configFile('')}/below/antiphon.db`
  const { code, stdout, stderr } = await runCaptured(serveArgs(store))
  assert.deepEqual([code, stdout], [1, ''])
  assert.ok(stderr.startsWith(`The storage ${store} cannot be opened: E`), stderr)
  assert.match(stderr, /\nGive another one with --store sqlite:/)
})

for (const { file, bytes, message } of [
  {
    file: 'a.db',
    bytes: 'no database',
    message: /a\.db cannot be opened: the file is damaged: restore it from a backup/,
  },
  { file: 'seal.key', bytes: '', message: /seal\.key is damaged: restore it from a backup/ },
  { file: 'seal.key', bytes: 'x'.repeat(31), message: /seal\.key is damaged/ },
  { file: 'seal.key', bytes: 'x'.repeat(33), message: /seal\.key is damaged/ },
]) {
  test(`a ${file} that holds ${bytes.length} other bytes is refused by name, and left as it is`, async () => {
    const folder = fresh('data')
    mkdirSync(folder)
    writeFileSync(join(folder, file), bytes)
    const { code, stderr } = await runCaptured(serveArgs(`sqlite:${folder}/a.db`))
    assert.equal(code, 1)
    assert.match(stderr, message)
    assert.equal(readFileSync(join(folder, file), 'utf8'), bytes)
  })
}

test('a seal.key that cannot be read is refused, and the process can end', async () => {
  const folder = fresh('data')
  mkdirSync(join(folder, 'seal.key'), { recursive: true })
  const { code, stderr } = await runCaptured(serveArgs(`sqlite:${folder}/a.db`))
  assert.equal(code, 1)
  assert.match(stderr, /EISDIR/)
})

test('O-14: a taken port is told with what to do', async () => {
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  const { port } = holder.address() as AddressInfo // It listens on TCP.
  const said = await runCaptured(serveArgs('memory:', '--port', String(port)))
  const stderr = `Port ${port} on 127.0.0.1 is taken. Choose another with --port N, or PORT=N in the environment.\n`
  assert.deepEqual(said, { code: 1, stdout: '', stderr })
  await new Promise((resolve) => holder.close(resolve))
})

test('an address that is not of this machine is refused', async () => {
  const { code, stderr } = await runCaptured(serveArgs('memory:', '--host', '192.0.2.1'))
  assert.equal(code, 1)
  assert.match(stderr, /EADDRNOTAVAIL/)
})
