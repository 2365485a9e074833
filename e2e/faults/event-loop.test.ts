import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { startCommand, workingFolder } from '../harness/command.ts'

const KEY = 'a-key-of-the-loop'
const folder = workingFolder()
const command = startCommand(folder.path, ['serve', '--store', 'memory:', '--port', '0'], {
  ANTIPHON_API_KEY: KEY,
  LOG_LEVEL: 'silent',
})
const origin = /listens on (http:\S+)\/v1 /.exec(await command.says(/^curl .*$/m))?.[1] ?? ''
after(async () => {
  command.process.kill('SIGKILL')
  await command.ended
  folder.remove()
})

const post = (body: string) =>
  fetch(`${origin}/v1/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body,
  })

/** What one request has done to the server. */
interface Burden {
  readonly status: number
  readonly code: string
  /** How long others waited at most: it depends on whatever else the machine does. */
  readonly delay_ms: number
  /** Its processor time, which does not; unknown where there is no `/proc`. */
  readonly cpu_ms: number | undefined
}

const STAT = `/proc/${command.process.pid}/stat`

/** Linux counts in hundredths of a second. */
const TICK_MS = 10

function cpuOfServer_ms(): number | undefined {
  if (!existsSync(STAT)) return undefined
  const fields = readFileSync(STAT, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS // `utime` and `stime`, counted from after the name.
}

async function burdenOf(body: string): Promise<Burden> {
  let [most_ms, isOver] = [0, false]
  const probe = async () => {
    while (!isOver) {
      const begun_ms = performance.now()
      await (await fetch(`${origin}/live`)).text()
      most_ms = Math.max(most_ms, performance.now() - begun_ms)
    }
  }
  const before_ms = cpuOfServer_ms()
  const probing = probe()
  const answer = await post(body)
  const text = await answer.text()
  isOver = true
  await probing
  const after_ms = cpuOfServer_ms()
  return {
    status: answer.status,
    code: /"code":"(\w+)"/.exec(text)?.[1] ?? '',
    delay_ms: most_ms,
    cpu_ms: after_ms === undefined || before_ms === undefined ? undefined : after_ms - before_ms,
  }
}

/** Processor time that a request may take, in milliseconds: a few times what it takes. */
const CPU_MS = 1000

const shown = ({ status, code, delay_ms, cpu_ms }: Burden) =>
  `${status} ${code} others waited ${delay_ms.toFixed(0)} ms, processor ${cpu_ms} ms`

const range = <Item>(count: number, make: (index: number) => Item) => Array.from({ length: count }, (_, i) => make(i))
const tool = (index: number) => ({ type: 'function', name: `tool_${index}`, parameters: { type: 'object' } })
const text = (count: number) => 'a'.repeat(count)
const ask = (fields: object) => JSON.stringify({ model: 'demo', input: '/say hi', ...fields })
/** Each of these takes twice as long for each letter more, where it is tried. */
const BOMB = '^(a+)+$'

const BODIES: readonly (readonly [what: string, body: string, status: number, code: string])[] = [
  ['E-02: a million brackets', '['.repeat(1_000_000), 400, 'json_too_deep'],
  ['E-02: a million brackets in a field', `{"model":"demo","input":${'['.repeat(1_000_000)}`, 400, 'json_too_deep'],
  ['E-02: 200,000 keys', ask(Object.fromEntries(range(200_000, (index) => [`k${index}`, 1]))), 200, ''],
  [
    'E-02: 100,000 keys that are numbers and collide',
    ask(Object.fromEntries(range(100_000, (index) => [`${index * 65_536}`, 1]))),
    200,
    '',
  ],
  ['E-02: one key 100,000 times', `{${'"a":1,'.repeat(100_000)}"model":"demo","input":"/say hi"}`, 200, ''],
  ['E-06: 50,000 items', ask({ input: range(50_000, () => ({ role: 'user', content: 'a' })) }), 400, ''],
  ['E-06: 10,000 tools', ask({ tools: range(10_000, tool) }), 400, ''],
  ['E-06: instructions of a megabyte', ask({ instructions: text(1_000_000) }), 200, ''],
  ['E-06: a model of 64 KB', ask({ model: text(65_536) }), 400, ''],
  [
    'E-03: a pattern in a schema that would be tried for ever',
    ask({
      input: `/say "${text(40)}!"`,
      text: { format: { type: 'json_schema', name: 'a', schema: { type: 'string', pattern: BOMB } } },
    }),
    200,
    '',
  ],
  [
    'E-03: a pattern in the parameters of a tool',
    ask({
      tools: [{ ...tool(1), parameters: { type: 'object', properties: { a: { type: 'string', pattern: BOMB } } } }],
    }),
    200,
    '',
  ],
  [
    'E-03: words that are slow to match',
    ask({ model: `${' '.repeat(50_000)}x`, input: `/${' '.repeat(500_000)}x` }),
    400,
    '',
  ],
]

for (const [what, body, status, code] of BODIES) {
  test(`${what}: ${status}, and nobody else waits long for it`, async (t) => {
    await burdenOf(ask({}))
    const seen = await burdenOf(body)
    t.diagnostic(shown(seen))
    assert.equal(seen.status, status, seen.code)
    if (code !== '') assert.equal(seen.code, code)
    assert.ok((seen.cpu_ms ?? 0) < CPU_MS, shown(seen))
  })
}

/** Bodies as large as they may be, in shapes that take most. */
const LARGEST: Readonly<Record<string, string>> = {
  'a text of ten million letters': ask({ input: text(10_000_000) }),
  'three of them': ask({ input: range(3, () => ({ role: 'user', content: text(10_000_000) })) }),
  'an image of 30 MB': ask({
    input: [{ role: 'user', content: [{ type: 'input_image', image_url: `https://a/${text(30_000_000)}` }] }],
  }),
  'ten million numbers, which are refused': ask({ junk: range(10_000_000, () => 1) }),
  'three million objects, which are refused': ask({ junk: range(3_000_000, () => ({ a: 1 })) }),
  'as many numbers as there may be': ask({ junk: range(999_000, () => 1) }),
  'as many objects as there may be': ask({ junk: range(499_000, (index) => ({ [`k${index % 100}`]: 1 })) }),
}

/** They are read in one piece, which takes what it takes: far below what they took while something was quadratic. */
const LARGEST_CPU_MS = 3000

for (const [what, body] of Object.entries(LARGEST)) {
  test(`E-01: ${what}: answered, and others wait no longer than it takes to read`, async (t) => {
    const seen = await burdenOf(body)
    t.diagnostic(`${(body.length / 1e6).toFixed(1)} MB: ${shown(seen)}`)
    assert.ok(seen.status === 200 || seen.status === 400)
    assert.ok((seen.cpu_ms ?? 0) < LARGEST_CPU_MS, shown(seen))
  })
}
