import { Type, type Static, type TProperties } from 'typebox'
import { FAMILIES } from '../providers/registry.ts'

const WEB_URL = '^https?://'
const BASE_PATH = '^/[A-Za-z0-9/_-]*[A-Za-z0-9_-]$'
const STORE_URL = '^(?:sqlite:.+|memory:|postgres(?:ql)?://.+)$'
const ORIGIN = '^https?://[^/?#@*\\\\\\s]+$'
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const RESOLVER = `^(?:${OCTET}(?:\\.${OCTET}){3}|\\[[0-9A-Fa-f:.]+\\]):[1-9]\\d{0,4}$`

/** More processes than the machines have cores that this is meant for. */
const WORKERS_MAX = 256

/** What text must look like, in words, by its pattern. */
export const FORMS: ReadonlyMap<string, string> = new Map([
  [WEB_URL, 'must begin with http:// or https://'],
  [BASE_PATH, 'must be a path such as /v1, without a slash at its end'],
  [STORE_URL, 'must be sqlite:PATH, memory: or postgres://USER:PASSWORD@HOST/DATABASE'],
  [ORIGIN, 'must be an origin such as https://files.internal:8443, without a path'],
  [RESOLVER, 'must be the IP address and the port of a DNS server, such as 10.0.0.2:53 or [fd00::2]:53'],
])

/** A section: unknown keys are errors, because a misspelt one must not be ignored. */
const section = <Fields extends TProperties>(fields: Fields) =>
  Type.Object(fields, { additionalProperties: false, default: {} })

const count = (fallback: number, description?: string) =>
  Type.Integer({ minimum: 1, default: fallback, ...(description !== undefined && { description }) })
const milliseconds = count

const Provider = Type.Object(
  {
    kind: Type.Enum(Object.keys(FAMILIES), { description: 'The wire that the provider speaks.' }),
    api_key: Type.Optional(Type.String()),
    base_url: Type.Optional(
      Type.String({ pattern: WEB_URL, description: 'With the version segment, such as https://host/v1.' }),
    ),
    dialect: Type.Optional(Type.String({ description: 'Which spelling of the wire the provider speaks.' })),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    region: Type.Optional(Type.String({ description: 'Of Amazon Bedrock, such as us-east-1.' })),
    project: Type.Optional(Type.String({ description: 'Of Google Cloud.' })),
    location: Type.Optional(Type.String({ description: 'Of Google Cloud, such as global or us-central1.' })),
    credentials_file: Type.Optional(Type.String({ description: 'Key file of a service account of Google Cloud.' })),
    api_version: Type.Optional(Type.String({ description: 'Of Azure, where the address alone does not say it.' })),
    forward_urls: Type.Optional(
      Type.Boolean({ description: 'Whether the provider may fetch URLs of users. Default: not in private networks.' }),
    ),
    concurrency: Type.Optional(Type.Integer({ minimum: 1, description: 'Most calls in flight. Default: any number.' })),
    queue_ms: Type.Optional(
      Type.Integer({ minimum: 0, description: 'How long a call beyond them waits for its turn. Default: 10000.' }),
    ),
  },
  { additionalProperties: false },
)

const Model = Type.Object(
  {
    provider: Type.String(),
    upstream_model: Type.Optional(Type.String()),
    streaming: Type.Optional(Type.Boolean()),
    reasoning: Type.Optional(Type.Boolean({ description: 'true: takes no temperature and top_p.' })),
    input: Type.Optional(Type.Array(Type.Enum(['text', 'image', 'file']))),
    context_window: Type.Optional(count(8192)),
    max_output_tokens: Type.Optional(count(8192)),
    fallback: Type.Optional(
      Type.Array(Type.String(), {
        uniqueItems: true,
        description: 'Ids of models to turn to, in order, where this one fails before its first word.',
      }),
    ),
  },
  { additionalProperties: false },
)

/** The configuration file. */
export const Config = Type.Object(
  {
    server: section({
      host: Type.String({ default: '127.0.0.1' }),
      port: Type.Integer({ minimum: 0, maximum: 65_535, default: 4000 }),
      base_paths: Type.Array(Type.String({ pattern: BASE_PATH }), {
        default: ['/v1', '/api/v1'],
        minItems: 1,
        uniqueItems: true,
      }),
      metrics: Type.Boolean({
        default: false,
        description: 'true: GET /metrics answers anyone who can reach the port, for Prometheus.',
      }),
      role: Type.Enum(['all', 'api', 'worker'], {
        default: 'all',
        description: 'api: answers requests and runs no jobs; worker: runs jobs and answers probes alone.',
      }),
      workers: Type.Integer({
        minimum: 1,
        maximum: WORKERS_MAX,
        default: 1,
        description: 'Processes behind the port.',
      }),
      instance: Type.Optional(
        Type.String({
          minLength: 1,
          description: 'What this server is known by, the same after a restart. Default: HOSTNAME:PORT.',
        }),
      ),
    }),
    store: Type.String({ default: 'sqlite:.antiphon/antiphon.db', pattern: STORE_URL }),
    sealing_key: Type.Optional(
      Type.String({
        minLength: 32,
        description: 'Seals what providers want back, in place of seal.key beside the database.',
      }),
    ),
    providers: Type.Record(Type.String(), Provider, { default: {} }),
    models: Type.Record(Type.String(), Model, { default: {} }),
    default_provider: Type.Optional(Type.String()),
    keys: Type.Array(
      Type.Object(
        { account: Type.String({ minLength: 1 }), key: Type.String({ minLength: 8 }) },
        { additionalProperties: false },
      ),
      { default: [] },
    ),
    limits: section({
      body_bytes_max: count(33_554_432),
      json_depth_max: count(100),
      event_bytes_max: count(4_194_304),
      output_bytes_max: count(67_108_864),
      stream_buffer_bytes_max: count(131_072),
      thread_memory_bytes_max: count(
        16_777_216,
        'What is remembered of threads that go on, as JSON; the heap takes up to twice as much.',
      ),
    }),
    timeouts: section({
      connect_ms: milliseconds(10_000),
      first_byte_ms: milliseconds(600_000),
      idle_ms: milliseconds(120_000),
      response_ms: milliseconds(800_000),
      client_stall_ms: milliseconds(30_000),
      keepalive_ms: milliseconds(15_000),
      lame_duck_ms: Type.Integer({
        minimum: 0,
        default: 5000,
        description: 'How long requests are still taken after SIGTERM, while /ready says no.',
      }),
      drain_ms: milliseconds(120_000),
    }),
    background: section({
      concurrency: count(64),
      queue_max: count(10_000),
      lease_ms: milliseconds(15_000),
      heartbeat_ms: milliseconds(5000),
      sweep_ms: milliseconds(5000),
      attempts_max: count(3),
      on_crash: Type.Enum(['retry', 'fail'], { default: 'retry' }),
      streaming: Type.Boolean({ default: false }),
    }),
    retention: section({
      responses_days: count(30),
      deleted_ms: milliseconds(
        3_600_000,
        'How long what was deleted stays in the storage: a turn that follows it may have begun before.',
      ),
      sweep_ms: milliseconds(60_000),
    }),
    egress: section({
      allow: Type.Array(Type.String({ pattern: ORIGIN }), {
        default: [],
        description: 'Private origins, or http ones, that the URLs of users may lead to.',
      }),
      resolver: Type.Optional(
        Type.String({ pattern: RESOLVER, description: 'IP:PORT of a DNS server. Default: that of the system.' }),
      ),
    }),
  },
  { $id: 'Config', additionalProperties: false },
)
export type Config = Static<typeof Config>

/** One configured provider. */
export type ProviderConfig = Config['providers'][string]
