import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import {
  KINDS,
  predictAccess,
  predictCancel,
  predictCreate,
  predictStream,
  type Kind,
  type Known,
  type Model,
  type Prediction,
} from './prediction.ts'
import { CONCURRENCY, eventsIn, MODEL, startModelStage, type Answer, type Who } from './stage.ts'

/** How many rows of commands are run, and how long one may be. */
const RUNS = Number(process.env['RUNS'] ?? 25)

const COMMANDS_MAX = 40

const stage = await startModelStage()
after(() => stage.close())

/** Every request has a tag of its own, over all runs. */
let tags = 0

/** Something that a client does. It never depends on what is there: it picks among what there is. */
abstract class Command implements fc.AsyncCommand<Model, undefined> {
  readonly who: Who
  readonly pick: number

  constructor(who: Who, pick: number) {
    this.who = who
    this.pick = pick
  }

  check(model: Readonly<Model>): boolean {
    return model.all.length > 0
  }

  run(model: Model): Promise<void> {
    return this.act(model.all[this.pick % model.all.length] ?? assert.fail('There is nothing.'))
  }

  abstract act(known: Known): Promise<void>

  toString(): string {
    return `${this.constructor.name} ${this.who} ${this.pick}`
  }
}

class Create implements fc.AsyncCommand<Model, undefined> {
  readonly what: { who: Who; kind: Kind; previous: number | string | undefined }

  constructor(what: { who: Who; kind: Kind; previous: number | string | undefined }) {
    this.what = what
  }

  /** Where all workers are held, a job of another sort would wait for them. */
  check({ all }: Readonly<Model>): boolean {
    const { isJob } = KINDS[this.what.kind]
    return !isJob || this.what.kind === 'held' || all.filter(isWaiting).length < CONCURRENCY
  }

  async run(model: Model): Promise<void> {
    const { who, kind } = this.what
    const previous =
      typeof this.what.previous === 'number' ? model.all[this.what.previous % model.all.length] : this.what.previous
    const tag = `m${tags++}`
    const input = `Say it. [tag:${tag}] [do: ${KINDS[kind].words}]`
    const before = typeof previous === 'string' ? previous : previous?.id
    const body = { model: MODEL, input, ...KINDS[kind].body, ...(before && { previous_response_id: before }) }
    const answer = await stage.ask(who, 'POST', '/responses', body)
    expect(answer, predictCreate(kind, previous, who), this)
    if (answer.status >= 400) return
    const id = /"id":"(resp_\w+)"/.exec(answer.text)?.[1] ?? assert.fail(answer.text)
    const known: Known = {
      id,
      tag,
      owner: who,
      kind,
      input,
      isHeld: kind === 'held',
      isDeleted: false,
      text: undefined,
    }
    model.all.push(known)
    if (!known.isHeld && kind !== 'unstored') await ended(known)
  }

  toString(): string {
    return `Create ${JSON.stringify(this.what)}`
  }
}

class Retrieve extends Command {
  async act(known: Known): Promise<void> {
    const answer = await stage.ask(this.who, 'GET', `/responses/${known.id}`)
    expect(answer, predictAccess(known, this.who), this)
    if (answer.status === 200) look(known, answer)
  }
}

class Cancel extends Command {
  async act(known: Known): Promise<void> {
    const answer = await stage.ask(this.who, 'POST', `/responses/${known.id}/cancel`)
    expect(answer, predictCancel(known, this.who), this)
    if (answer.status !== 200) return
    if (known.isHeld) assert.equal(statusIn(answer), 'cancelled')
    known.isHeld = false
    look(known, answer)
  }
}

class Remove extends Command {
  async act(known: Known): Promise<void> {
    const answer = await stage.ask(this.who, 'DELETE', `/responses/${known.id}`)
    expect(answer, predictAccess(known, this.who), this)
    if (answer.status === 200) known.isDeleted = true
  }
}

class InputItems extends Command {
  async act(known: Known): Promise<void> {
    const answer = await stage.ask(this.who, 'GET', `/responses/${known.id}/input_items`)
    expect(answer, predictAccess(known, this.who), this)
    if (answer.status === 200) assert.ok(answer.text.includes(known.tag))
  }
}

/** Reads a stream that has ended; of one that has not, only the beginning. */
class Stream extends Command {
  readonly where: string | undefined

  constructor(who: Who, pick: number, where: string | undefined) {
    super(who, pick)
    this.where = where
  }

  async act(known: Known): Promise<void> {
    const whole =
      known.text === undefined || known.isDeleted
        ? []
        : eventsIn((await this.#read(known, undefined, known.owner)).text)
    const last = String(whole.length - 1)
    const after = this.where === 'last' ? last : this.where
    const prediction = predictStream(known, this.who, after)
    if (known.isHeld && prediction.status === 200) return this.#begin(known)
    const answer = await this.#read(known, after, this.who)
    expect(answer, prediction, this)
    if (answer.status !== 200) return
    assert.deepEqual(eventsIn(answer.text), whole.slice(Number(after ?? -1) + 1))
    assert.ok(answer.text.endsWith('data: [DONE]\n\n'))
    const end = JSON.parse(whole.at(-1) ?? '{}') as { response?: unknown }
    assert.equal(JSON.stringify(end.response), known.text, 'the last event is the stored response')
  }

  /** Reads the first of it, and hangs up. */
  async #begin(known: Known): Promise<void> {
    const leaving = new AbortController()
    const answer = await stage.open(this.who, 'GET', `/responses/${known.id}?stream=true`, { signal: leaving.signal })
    assert.equal(answer.status, 200)
    const { value = '' } = (await answer.body?.pipeThrough(new TextDecoderStream()).getReader().read()) ?? {}
    assert.match(value, /^event: response\.created\n/)
    leaving.abort()
  }

  #read(known: Known, after: string | undefined, who: Who): Promise<Answer> {
    const query = after === undefined ? '' : `&starting_after=${after}`
    return stage.ask(who, 'GET', `/responses/${known.id}?stream=true${query}`)
  }

  override toString(): string {
    return `${super.toString()} after ${this.where}`
  }
}

/** Lets the provider go on with all that it holds: they may wait for each other. */
class Release implements fc.AsyncCommand<Model, undefined> {
  check({ all }: Readonly<Model>): boolean {
    return all.some(isWaiting)
  }

  async run({ all }: Model): Promise<void> {
    const waiting = all.filter(isWaiting)
    for (const known of waiting) {
      known.isHeld = false
      await stage.upstream.script(known.tag, 'chunks=3')
    }
    await Promise.all(waiting.map((known) => ended(known, () => stage.upstream.release(known.tag))))
  }

  toString(): string {
    return 'Release'
  }
}

function isWaiting({ isHeld, isDeleted }: Known): boolean {
  return isHeld && !isDeleted
}

class Restart implements fc.AsyncCommand<Model, undefined> {
  check(): boolean {
    return true
  }

  run(): Promise<void> {
    return stage.restart()
  }

  toString(): string {
    return 'Restart'
  }
}

/** Every command that there is. */
const who = fc.constantFrom<Who>('mine', 'mine', 'mine', 'other')
const pick = fc.nat(1000)
const previous = fc.option(fc.oneof(pick, fc.constantFrom('resp_unknown', 'nonsense', 'msg_1')), { nil: undefined })
const COMMANDS = [
  fc
    .record({ who, kind: fc.constantFrom(...(Object.keys(KINDS) as Kind[])), previous })
    .map((what) => new Create(what)),
  fc.tuple(who, pick).map(([by, number]) => new Retrieve(by, number)),
  fc.tuple(who, pick).map(([by, number]) => new Cancel(by, number)),
  fc.tuple(who, pick).map(([by, number]) => new Remove(by, number)),
  fc.tuple(who, pick).map(([by, number]) => new InputItems(by, number)),
  fc.constant(new Release()),
  fc
    .tuple(who, pick, fc.constantFrom(undefined, '0', 'last', '100000', '-1', 'x', '1.5'))
    .map(([by, number, where]) => new Stream(by, number, where)),
  fc.record({ who, kind: fc.constant<Kind>('held'), previous: fc.constant(undefined) }).map((what) => new Create(what)),
]

test(`MBT of C-18, R-03, R-06, R-08: ${RUNS} rows of what two accounts may do, and each answer as it must be`, async () => {
  const rows = fc.commands(COMMANDS, { maxCommands: COMMANDS_MAX, size: 'max' })
  await fc.assert(
    fc.asyncProperty(rows, async (commands) => {
      const model: Model = { all: [] }
      await fc.asyncModelRun(() => ({ model, real: undefined }), commands)
      await cleanUp(model)
    }),
    { numRuns: RUNS, seed: 1, endOnFailure: true },
  )
})

test('MBT with the server stopped in order and started again in between', async () => {
  const rows = fc.commands([...COMMANDS, fc.constant(new Restart())], { maxCommands: COMMANDS_MAX, size: 'max' })
  await fc.assert(
    fc.asyncProperty(rows, async (commands) => {
      const model: Model = { all: [] }
      await fc.asyncModelRun(() => ({ model, real: undefined }), commands)
      await cleanUp(model)
    }),
    { numRuns: Math.ceil(RUNS / 5), seed: 2, endOnFailure: true },
  )
})

/** What is held would keep the workers of the next row. */
async function cleanUp({ all }: Model): Promise<void> {
  for (const { id, owner } of all.filter(isWaiting)) await stage.ask(owner, 'POST', `/responses/${id}/cancel`)
}

/** Polls a response to its end, which is the one that is foreseen. */
async function ended(known: Known, help: () => Promise<void> = async () => {}): Promise<void> {
  for (let looks = 0; looks < 5000; looks++) {
    await help() // A call may come to be held while others are let go.
    look(known, await stage.ask(known.owner, 'GET', `/responses/${known.id}`))
    if (known.text === undefined) continue
    return assert.equal(statusIn({ status: 200, text: known.text }), KINDS[known.kind].end)
  }
  assert.fail(`${known.tag} does not end`)
}

/** what has not ended is not shown as if it had, and what has ended is shown whole, and never changes. */
function look(known: Known, answer: Answer): void {
  const status = statusIn(answer)
  if (status === 'queued' || status === 'in_progress') {
    assert.equal(known.text, undefined, `${known.tag} has ended already`)
    return
  }
  assert.equal(known.isHeld, false, `${known.tag} is ${status} and was held`)
  if (status === 'completed') assert.match(answer.text, /"output_text":"[^"]+"/)
  known.text ??= answer.text
  assert.equal(answer.text, known.text)
}

function expect({ status, text }: Answer, prediction: Prediction, command: { toString(): string }): void {
  const code = status < 400 ? undefined : (JSON.parse(text) as { error: { code: string } }).error.code
  const { code: foreseen } = prediction
  assert.deepEqual([status, code], [prediction.status, foreseen], `${command.toString()}: ${text.slice(0, 300)}`)
}

function statusIn({ text }: Answer): string {
  return (JSON.parse(text) as { status: string }).status
}
