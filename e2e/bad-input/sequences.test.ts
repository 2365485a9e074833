import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { array, assert as assertProperty, asyncProperty, constantFrom, nat, record } from 'fast-check'
import { OTHER_KEY, startTestServer, TEST_KEY } from '../harness/server.ts'
import { assertAlive } from './refusal.ts'

const server = await startTestServer({ store: 'sqlite' })
after(() => server.close())

const KEYS = [TEST_KEY, OTHER_KEY] as const

/** What is known of a response that some account has made. */
interface Known {
  readonly id: string
  readonly owner: number
  readonly isStored: boolean
  readonly isBackground: boolean
  isDeleted: boolean
}

/** One request: by which account, on which of the responses made so far. */
interface Step {
  readonly operation: keyof typeof OPERATIONS
  readonly account: number
  readonly pick: number
}

interface Outcome {
  readonly status: number
  readonly code: string
}

const OK: Outcome = { status: 200, code: '' }
const ABSENT: Outcome = { status: 404, code: 'response_not_found' }

function isSeen({ owner, isStored, isDeleted }: Known, account: number): boolean {
  return owner === account && isStored && !isDeleted
}

/** Predicts every operation from what is known, and updates it. */
const OPERATIONS = {
  retrieve: (known: Known, account: number) => (isSeen(known, account) ? OK : ABSENT),
  replay: (known: Known, account: number) => (isSeen(known, account) ? OK : ABSENT),
  list: (known: Known, account: number) => (isSeen(known, account) ? OK : ABSENT),
  cancel: (known: Known, account: number) => {
    if (!isSeen(known, account)) return ABSENT
    return known.isBackground ? OK : { status: 400, code: 'not_cancellable' }
  },
  remove: (known: Known, account: number) => {
    if (!isSeen(known, account)) return ABSENT
    known.isDeleted = true
    return OK
  },
  follow: (known: Known, account: number) =>
    isSeen(known, account) ? OK : { status: 404, code: 'previous_response_not_found' },
} satisfies Record<string, (known: Known, account: number) => Outcome>

const REQUESTS: Readonly<Record<keyof typeof OPERATIONS, (id: string) => readonly [method: string, path: string]>> = {
  retrieve: (id) => ['GET', `/responses/${id}`],
  replay: (id) => ['GET', `/responses/${id}?stream=true`],
  list: (id) => ['GET', `/responses/${id}/input_items`],
  cancel: (id) => ['POST', `/responses/${id}/cancel`],
  remove: (id) => ['DELETE', `/responses/${id}`],
  follow: () => ['POST', '/responses'],
}

async function send(account: number, [method, path]: readonly [string, string], body?: object): Promise<Response> {
  const headers = { authorization: `Bearer ${KEYS[account] ?? ''}`, 'content-type': 'application/json' }
  return fetch(server.base + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
}

async function create(owner: number, body: object): Promise<Known> {
  const isBackground = 'background' in body
  const answer = await send(owner, ['POST', '/responses'], { model: 'demo', input: '/say hi', ...body })
  assert.equal(answer.status, isBackground ? 202 : 200)
  const { id } = (await answer.json()) as { id: string }
  // A background response is read to its end, so that what follows can be predicted.
  if (isBackground) await (await send(owner, ['GET', `/responses/${id}?stream=true`])).text()
  return { id, owner, isStored: !('store' in body), isBackground, isDeleted: false }
}

async function outcomeOf(answer: Response): Promise<Outcome> {
  const text = await answer.text()
  if (answer.status < 400) return { status: answer.status, code: '' }
  const { error } = JSON.parse(text) as { error: { code: string } }
  return { status: answer.status, code: error.code }
}

async function play(steps: readonly Step[]): Promise<void> {
  const made = [
    await create(0, {}),
    await create(0, { background: true }),
    await create(0, { store: false }),
    await create(1, {}),
    await create(1, { background: true }),
  ]
  for (const [index, { operation, account, pick }] of steps.entries()) {
    const known = made[pick % made.length] ?? assert.fail()
    const expected = OPERATIONS[operation](known, account)
    const body = { model: 'demo', input: '/say more', previous_response_id: known.id }
    const answer = await send(account, REQUESTS[operation](known.id), operation === 'follow' ? body : undefined)
    const copy = answer.clone()
    assert.deepEqual(await outcomeOf(answer), expected, `step ${index}: account ${account} ${operation} ${known.id}`)
    if (operation === 'follow' && expected === OK) {
      const { id } = (await copy.json()) as { id: string }
      made.push({ id, owner: account, isStored: true, isBackground: false, isDeleted: false })
    } else await copy.text()
  }
}

const arbitraryStep = record({
  operation: constantFrom(...(Object.keys(OPERATIONS) as (keyof typeof OPERATIONS)[])), // The keys of that table.
  account: constantFrom(0, 1),
  pick: nat({ max: 30 }),
})

/** Fast-check prints the seed and the shortest sequence where a prediction fails. */
test('B-98: any sequence of requests by two accounts answers as a model predicts', async () => {
  const sequences = array(arbitraryStep, { minLength: 5, maxLength: 25 })
  await assertProperty(asyncProperty(sequences, play), { numRuns: 40, seed: 1 })
})

test('after all of these, the server answers', () => assertAlive(server))
