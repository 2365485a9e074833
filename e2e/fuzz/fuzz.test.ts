import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from 'undici'
import { OTHER_KEY, startTestServer, TEST_KEY } from '../harness/server.ts'
import { createOracle } from './oracle.ts'
import { makeShot, type Heard, type Range, type Shot } from './shots.ts'

/** FUZZ_SEED, FUZZ_COUNT and FUZZ_FROM choose what is sent; a failure prints them. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_122)
const COUNT = Number(process.env['FUZZ_COUNT'] ?? 20_000)
const FROM = Number(process.env['FUZZ_FROM'] ?? 0)
const CONCURRENCY = 16
const PATIENCE_MS = 10_000
const FAILURES_MAX = 5

const server = await startTestServer({ models: { named: { provider: 'demo' } } })
const pool = new Pool(server.url, { connections: CONCURRENCY, headersTimeout: PATIENCE_MS, bodyTimeout: PATIENCE_MS })
after(async () => {
  await pool.close()
  await server.close()
})

async function create(key: string): Promise<string> {
  const answer = await fetch(`${server.base}/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: '{"model":"demo","input":"/say stored"}',
  })
  return ((await answer.json()) as { id: string }).id
}

const parents = await Promise.all(Array.from({ length: 8 }, () => create(TEST_KEY)))
const targets = await Promise.all(Array.from({ length: 8 }, () => create(TEST_KEY)))
const range: Range = {
  judge: createOracle(100),
  responses: parents,
  ids: [...targets, await create(OTHER_KEY), `resp_${'0'.repeat(48)}`],
}

interface Answer extends Heard {
  readonly fault: string | undefined
}

async function fire(shot: Shot): Promise<Answer> {
  const { method, path, headers, body } = shot
  const answer = await pool.request({
    method,
    path,
    headers: { ...headers },
    body: body ?? null,
  })
  const text = await answer.body.text()
  const { statusCode: status } = answer
  const error = status >= 400 && method !== 'HEAD' ? readError(text) : { code: '', param: '', fault: undefined }
  const heard = { status, code: error.code, param: error.param }
  const ours = status >= 500 ? `${status}: ${text.slice(0, 300)}` : undefined
  return {
    ...heard,
    fault: ours ?? error.fault ?? streamFault(String(answer.headers['content-type']), text) ?? shot.fault(heard),
  }
}

function readError(text: string): { code: string; param: string; fault: string | undefined } {
  try {
    const { error } = JSON.parse(text) as { error: Record<string, unknown> }
    const { type, message, param, code, ...rest } = error
    const isShape =
      [type, message, param, code].every((part) => typeof part === 'string') && Object.keys(rest).length === 0
    return {
      code: String(code),
      param: String(param),
      fault: isShape ? undefined : `not the shape of an error: ${text}`,
    }
  } catch {
    return { code: '', param: '', fault: `not an error body: ${text.slice(0, 300)}` }
  }
}

function streamFault(type: string, text: string): string | undefined {
  if (!type.startsWith('text/event-stream') || text.endsWith('data: [DONE]\n\n')) return undefined
  return `the stream does not end: ${text.slice(-200)}`
}

function describe(index: number, { method, path, headers, body, kind }: Shot, fault: string): string {
  const sent = body === undefined ? '' : ` ${JSON.stringify(body.toString('latin1').slice(0, 4000))}`
  return `FUZZ_SEED=${SEED} FUZZ_FROM=${index} FUZZ_COUNT=1 (${kind}): ${fault}\n${method} ${path} ${JSON.stringify(headers)}${sent}`
}

test(`B-96: ${COUNT} generated requests from seed ${SEED} are answered as another validator predicts`, async (context) => {
  const failures: string[] = []
  const counts = new Map<string, Map<number, number>>()
  let next = FROM
  const worker = async (): Promise<void> => {
    while (next < FROM + COUNT && failures.length < FAILURES_MAX) {
      const index = next++
      const shot = makeShot(SEED, index, range)
      const { status, fault } = await fire(shot).catch((error: unknown) => ({
        status: 0,
        fault: `no answer: ${String(error)}`,
      }))
      const row = counts.get(shot.kind) ?? new Map<number, number>()
      counts.set(shot.kind, row.set(status, (row.get(status) ?? 0) + 1))
      if (fault !== undefined) failures.push(describe(index, shot, fault))
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  for (const line of table(counts)) context.diagnostic(line)
  assert.deepEqual(failures, [])
})

test('B-96: after all of these, the server answers and has kept what was not deleted', async () => {
  for (const id of parents) assert.equal((await server.get(`/responses/${id}`)).status, 200)
})

function table(counts: ReadonlyMap<string, ReadonlyMap<number, number>>): string[] {
  const statuses = [...new Set([...counts.values()].flatMap((row) => [...row.keys()]))].toSorted(
    (one, other) => one - other,
  )
  const line = (name: string, cells: readonly unknown[]) =>
    name.padEnd(12) + cells.map((cell) => String(cell).padStart(7)).join('')
  const rows = [...counts].toSorted().map(([kind, row]) =>
    line(
      kind,
      statuses.map((status) => row.get(status) ?? ''),
    ),
  )
  return [line('mutation', statuses), ...rows]
}
