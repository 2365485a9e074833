import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { FAMILIES } from '../providers/registry.ts'
import { scratchFiles } from '../store/testing/scratch.ts'
import { ConfigError, configPath, loadConfig, type Environment, type Overrides } from './load.ts'

const fresh = scratchFiles()

function load(yaml: string, environment: Environment = {}, overrides: Overrides = {}) {
  const config = fresh('config.yaml')
  writeFileSync(config, yaml)
  return loadConfig({ config, ...overrides }, environment)
}

async function problemsOf(loading: Promise<unknown>): Promise<readonly string[]> {
  const error = await loading.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof ConfigError, 'it was accepted')
  const lines = error.problems.map((problem) => `\n  - ${problem}`)
  assert.equal(error.message, `The configuration cannot be used:${lines.join('')}`)
  return error.problems
}

const FOR_MORE = 'for more, use --store postgres://USER:PASSWORD@HOST/DATABASE'

const faults: readonly { yaml: string; problems: readonly string[]; environment?: Environment }[] = [
  { yaml: '- a', problems: ['The configuration file must hold a mapping of sections.'] },
  { yaml: 'just words', problems: ['The configuration file must hold a mapping of sections.'] },
  { yaml: 'serverr: {}', problems: ['serverr is not a setting.'] },
  { yaml: 'server: { prot: 1 }', problems: ['server.prot is not a setting.'] },
  { yaml: 'server: 5', problems: ['server must be a mapping.'] },
  { yaml: 'server: [a]', problems: ['server must be a mapping.'] },
  { yaml: 'server: { host: 5 }', problems: ['server.host must be text.'] },
  { yaml: 'server: { port: abc }', problems: ['server.port must be a whole number.'] },
  { yaml: 'server: { port: 1.5 }', problems: ['server.port must be a whole number.'] },
  { yaml: 'server: { port: true }', problems: ['server.port must be a whole number.'] },
  { yaml: 'server: { port: -1 }', problems: ['server.port must be at least 0.'] },
  { yaml: 'server: { port: 65536 }', problems: ['server.port must be at most 65535.'] },
  {
    yaml: 'server: { base_paths: [v1, /v1/] }',
    problems: [
      'server.base_paths[0] must be a path such as /v1, without a slash at its end.',
      'server.base_paths[1] must be a path such as /v1, without a slash at its end.',
    ],
  },
  { yaml: 'server: { base_paths: [] }', problems: ['server.base_paths must not have fewer than 1 items.'] },
  { yaml: 'server: { base_paths: [/v1, /v1] }', problems: ['server.base_paths must not have duplicate items.'] },
  {
    yaml: 'store: mysql://x',
    problems: ['store must be sqlite:PATH, memory: or postgres://USER:PASSWORD@HOST/DATABASE.'],
  },
  { yaml: 'server: { role: boss }', problems: ['server.role must be one of all, api, worker.'] },
  { yaml: 'server: { workers: 0 }', problems: ['server.workers must be at least 1.'] },
  { yaml: 'server: { workers: 257 }\nstore: postgres://h/d', problems: ['server.workers must be at most 256.'] },
  { yaml: 'timeouts: { lame_duck_ms: -1 }', problems: ['timeouts.lame_duck_ms must be at least 0.'] },
  ...['api', 'worker'].map((role) => ({
    yaml: `server: { role: ${role} }`,
    problems: [`server.role must be all: a sqlite: store serves one process; ${FOR_MORE}.`],
  })),
  {
    yaml: 'server: { role: api, workers: 2 }\nstore: "memory:"',
    problems: [
      `server.role must be all: a memory: store serves one process; ${FOR_MORE}.`,
      `server.workers must be 1: a memory: store serves one process; ${FOR_MORE}.`,
    ],
  },
  {
    yaml: '',
    environment: { ANTIPHON_WORKERS: '2' },
    problems: [`server.workers must be 1: a sqlite: store serves one process; ${FOR_MORE}.`],
  },
  { yaml: 'limits: { json_depth_max: 0 }', problems: ['limits.json_depth_max must be at least 1.'] },
  { yaml: 'background: { on_crash: maybe }', problems: ['background.on_crash must be one of retry, fail.'] },
  { yaml: 'background: { streaming: "yes" }', problems: ['background.streaming must be true or false.'] },
  ...[
    'https://a/',
    'https://a/b',
    'ftp://a',
    'a',
    '',
    'https://',
    'https://u@a',
    'https://*.a',
    'https:\\\\a',
    'https://a?b',
  ].map((origin) => ({
    yaml: `egress: { allow: ['${origin}'] }`,
    problems: ['egress.allow[0] must be an origin such as https://files.internal:8443, without a path.'],
  })),
  {
    yaml: 'egress: { allow: ["https://a", "http://[::g]", "https://a:70000"] }',
    problems: ['egress.allow[1] is not a URL.', 'egress.allow[2] is not a URL.'],
  },
  { yaml: 'egress: { allow: http://a }', problems: ['egress.allow must be a list.'] },
  ...[
    'localhost:53',
    '10.0.0.2',
    '10.0.0.2:0',
    '10.0.0.2:053',
    '010.0.0.2:53',
    '10.0.0:53',
    '256.0.0.1:53',
    '::1:53',
    '',
  ].map((resolver) => ({
    yaml: `egress: { resolver: '${resolver}' }`,
    problems: [
      'egress.resolver must be the IP address and the port of a DNS server, such as 10.0.0.2:53 or [fd00::2]:53.',
    ],
  })),
  { yaml: 'egress: { resolver: "10.0.0.2:65536" }', problems: ['egress.resolver is not an address.'] },
  { yaml: 'egress: { resolver: "[1::2::3]:53" }', problems: ['egress.resolver is not an address.'] },
  { yaml: 'egress: { resolvers: a }', problems: ['egress.resolvers is not a setting.'] },
  { yaml: 'keys: [{ account: a }]', problems: ['keys[0].key is needed.'] },
  {
    yaml: 'keys: [{ account: "", key: short }]',
    problems: [
      'keys[0].account must not have fewer than 1 characters.',
      'keys[0].key must not have fewer than 8 characters.',
    ],
  },
  { yaml: 'sealing_key: short', problems: ['sealing_key must not have fewer than 32 characters.'] },
  { yaml: 'providers: []', problems: ['providers must be a mapping.'] },
  {
    yaml: 'providers: { p: { kind: nonsense } }',
    problems: [`providers.p.kind must be one of ${Object.keys(FAMILIES).join(', ')}.`],
  },
  {
    yaml: 'providers: { p: { kind: gemini, dialect: vertex, credentials_file: key.json } }',
    problems: ['providers.p.project is needed for the dialect vertex where there is no api_key.'],
  },
  {
    yaml: 'providers: { p: { kind: openai-chat } }',
    problems: ['providers.p.base_url is needed: the dialect generic has no address of its own.'],
  },
  {
    yaml: 'providers: { p: { kind: openai-chat, base_url: "ftp://user:secret@host" } }',
    problems: ['providers.p.base_url must begin with http:// or https://.'],
  },
  {
    yaml: 'providers: { p: { kind: openai-chat, base_url: "http://" } }',
    problems: ['providers.p.base_url is not a URL.'],
  },
  { yaml: 'models: { "TEE/a~b": { provider: demo, foo: 1 } }', problems: ['models.TEE/a~b.foo is not a setting.'] },
  {
    yaml: 'models: { a: { provider: ghost } }',
    problems: ['models.a.provider names ghost, which is not in providers.'],
  },
  { yaml: 'default_provider: ghost', problems: ['default_provider names ghost, which is not in providers.'] },
  { yaml: '__proto__: { a: 1 }', problems: ['__proto__ is not a setting.'] },
  { yaml: 'server: { host: "${NO_SUCH}" }', problems: ['server.host needs the environment variable NO_SUCH.'] },
  { yaml: 'server: { port: "${NO_SUCH}" }', problems: ['server.port needs the environment variable NO_SUCH.'] },
  {
    yaml: 'server: { port: "${PORTAL}" }',
    problems: ['server.port must be a whole number.'],
    environment: { PORTAL: 'x' },
  },
]
for (const { yaml, problems, environment = {} } of faults) {
  test(`${yaml} is refused`, async () => {
    assert.deepEqual(await problemsOf(load(yaml, environment)), problems)
  })
}

test('every problem is told of at once: of the schema, of names and of the environment', async () => {
  const yaml = `
serverr: {}
server: { prot: 1, port: abc, host: 5 }
limits: { json_depth_max: 0, body_bytes_max: -1, event_bytes_max: 0, output_bytes_max: x }
timeouts: { idle_ms: 0, connect_ms: soon }
background: { on_crash: maybe, concurrency: 0 }
models: { a: { provider: ghost }, b: {} }
providers: { p: { kind: openai-chat, api_key: "\${A}" }, q: { kind: openai-chat, base_url: "\${B}" } }
keys: [{ account: a, key: "\${C}" }]
`
  const problems = await problemsOf(load(yaml))
  assert.deepEqual(problems.map((problem) => problem.split(' ')[0]).sort(), [
    'background.concurrency',
    'background.on_crash',
    'keys[0].key',
    'limits.body_bytes_max',
    'limits.event_bytes_max',
    'limits.json_depth_max',
    'limits.output_bytes_max',
    'models.a.provider',
    'models.b.provider',
    'providers.p.api_key',
    'providers.p.base_url',
    'providers.q.base_url',
    'server.host',
    'server.port',
    'server.prot',
    'serverr',
    'timeouts.connect_ms',
    'timeouts.idle_ms',
  ])
})

test('what is told of a file that is no YAML does not show the file', async () => {
  const [problem = '', ...rest] = await problemsOf(load('keys: [{account: a, key: secret-secret\n'))
  assert.match(problem, /^The configuration file .*config\.yaml is not valid YAML: .* at line \d+, column \d+\.$/)
  assert.ok(!problem.includes('secret'))
  assert.deepEqual(rest, [])
  assert.match((await problemsOf(load('server: {port: 1}\nserver: {port: 2}')))[0] ?? '', /Map keys must be unique/)
})

test('a file that cannot be read is named', async () => {
  const folder = fresh('folder')
  mkdirSync(folder)
  for (const config of [`${folder}/none.yaml`, folder]) {
    const [problem = ''] = await problemsOf(loadConfig({ config }, {}))
    assert.ok(problem.startsWith(`The configuration file ${config} cannot be read: E`), problem)
  }
})

test('an empty file, and sections without a value, mean the defaults', async () => {
  const defaults = await load('')
  assert.deepEqual(await load('server:\nmodels:\nkeys:\nlimits: { json_depth_max: }\n'), defaults)
  assert.deepEqual(defaults.server, {
    host: '127.0.0.1',
    port: 4000,
    base_paths: ['/v1', '/api/v1'],
    metrics: false,
    role: 'all',
    workers: 1,
  })
  assert.equal(defaults.store, 'sqlite:.antiphon/antiphon.db')
  assert.equal(defaults.timeouts.response_ms, 800_000)
})

test('variables are filled in anywhere, several in one text, and numbers and booleans are read from them', async () => {
  const yaml = `
server: { port: "\${PORT_OF_OURS:-5000}", host: "\${HOST_OF_OURS}" }
background: { streaming: "\${STREAMING}", concurrency: "\${MANY:-7}" }
providers: { p: { kind: openai-chat, base_url: "\${SCHEME:-http}://\${NAME}/v1", headers: { x: "\${EMPTY}" } } }
models: { "\${NAME}": { provider: p, input: ["\${KIND:-text}"] } }
keys: [{ account: a, key: "\${KEY}" }]
`
  const environment = { HOST_OF_OURS: '::1', STREAMING: 'true', NAME: 'host', EMPTY: '', KEY: '12345678', MANY: '' }
  const { server, background, providers, models, keys } = await load(yaml, environment)
  assert.deepEqual([server.port, server.host], [5000, '::1'])
  assert.deepEqual(
    [background.streaming, background.concurrency],
    [true, 7],
    'an empty variable gives way to its default',
  )
  assert.deepEqual(providers['p'], { kind: 'openai-chat', base_url: 'http://host/v1', headers: { x: '' } })
  assert.deepEqual(models['${NAME}']?.input, ['text'], 'names of entries are taken as they are')
  assert.equal(keys[0]?.key, '12345678', 'text stays text')
})

test('egress is closed by default; origins and a DNS server of either family are taken as they are', async () => {
  assert.deepEqual((await load('egress: { resolver: null }')).egress, { allow: [] })
  const yaml = 'egress: { allow: ["http://10.0.0.5:9000", "https://Files.corp"], resolver: "[fd00::2]:5353" }'
  assert.deepEqual((await load(yaml)).egress, {
    allow: ['http://10.0.0.5:9000', 'https://Files.corp'],
    resolver: '[fd00::2]:5353',
  })
  assert.equal((await load('egress: { resolver: "10.0.0.2:53" }')).egress.resolver, '10.0.0.2:53')
})

const ports = [
  { flag: '1', ours: '2', common: '3', port: 1 },
  { flag: undefined, ours: '2', common: '3', port: 2 },
  { flag: undefined, ours: undefined, common: '3', port: 3 },
  { flag: undefined, ours: '', common: '', port: 4 },
  { flag: undefined, ours: '', common: '3', port: 3 },
  { flag: undefined, ours: undefined, common: undefined, port: 4 },
] as const
for (const { flag, ours, common, port } of ports) {
  test(`flag ${flag}, ANTIPHON_PORT ${JSON.stringify(ours)}, PORT ${JSON.stringify(common)} over 4 in the file give ${port}`, async () => {
    const environment = { ANTIPHON_PORT: ours, PORT: common }
    assert.equal((await load('server: { port: 4 }', environment, { port: flag })).server.port, port)
  })
}

test('flags beat the environment, which beats the file, for every setting that they have', async () => {
  const yaml = 'server: { host: file, role: api, workers: 2 }\nstore: "postgres://file"'
  const environment = {
    ANTIPHON_HOST: 'environment',
    ANTIPHON_STORE: 'postgres://environment',
    ANTIPHON_ROLE: 'worker',
    ANTIPHON_WORKERS: '3',
  }
  const flags = { host: 'flag', store: 'postgresql://flag', role: 'all', workers: '4' }
  const said = ({ server: { host, role, workers }, store }: Awaited<ReturnType<typeof load>>) => [
    host,
    store,
    role,
    workers,
  ]
  assert.deepEqual(said(await load(yaml)), ['file', 'postgres://file', 'api', 2])
  assert.deepEqual(said(await load(yaml, environment)), ['environment', 'postgres://environment', 'worker', 3])
  assert.deepEqual(said(await load(yaml, environment, flags)), ['flag', 'postgresql://flag', 'all', 4])
  assert.deepEqual(await problemsOf(load(yaml, {}, { port: '' })), ['server.port must be a whole number.'])
})

test('the file is that of the flag, or of the environment, or none', () => {
  assert.equal(configPath({ config: 'a' }, { ANTIPHON_CONFIG: 'b' }), 'a')
  assert.equal(configPath({}, { ANTIPHON_CONFIG: 'b' }), 'b')
  assert.equal(configPath({}, { ANTIPHON_CONFIG: '' }), undefined)
})

test('without a file the keys in the environment enable their providers; with one they do not', async () => {
  const environment = { OPENAI_API_KEY: 'sk-1', MISTRAL_API_KEY: 'm', GROQ_API_KEY: '' }
  assert.deepEqual((await loadConfig({}, environment)).providers, {
    openai: { kind: 'openai-responses', dialect: 'openai', api_key: 'sk-1' },
    mistral: { kind: 'openai-chat', dialect: 'mistral', api_key: 'm' },
  })
  assert.deepEqual((await load('', environment)).providers, {})
})
