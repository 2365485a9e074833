/**
 * A model provider that does what the prompt says, and keeps count. It speaks Chat Completions, streamed and whole.
 * Run it in the test's process, or beside a server that is killed: `spawnFaultUpstream()` starts this file as a
 * process of its own, which ends with the test's.
 *
 * The prompt names whom a call is counted for, and what goes wrong: `[tag:abc] [do: 503 | chunks=5 reset@2]`; see
 * `fault-script.ts` for all words. What it said and what it used is exact at any time: see `CallCounts`.
 *
 * | Request                                | Answer                                                           |
 * | -------------------------------------- | ---------------------------------------------------------------- |
 * | `POST /v1/chat/completions`            | what the script says                                             |
 * | `GET /counts`                          | the counts of all tags, by tag                                   |
 * | `GET /counts?tag=abc`                  | those of one; of calls without a tag: `?tag=`                    |
 * | `GET /counts?tag=abc&version=7`        | the same, as soon as their version is another                    |
 * | `POST /script {"tag", "words"}`        | from now on the words count, whatever prompts say                |
 * | `POST /release {"tag"}`                | lets the calls go on that are held                               |
 */
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { launch, messageOf } from '../../bench/rig/process.ts'
import { systemClock, type Clock } from '../../src/engine/clock.ts'
import { createCallLedger, type CallCounts, type CallRecord } from './call-ledger.ts'
import { findTag, findWords, parseScript, promptOf, ScriptError, type Script } from './fault-script.ts'
import { answerOf } from './fault-speech.ts'
import { serveAnswers, type Answer, type Received } from './upstream.ts'

/** A provider that keeps count. */
export interface FaultUpstream {
  /** With `/v1`. */
  readonly baseUrl: string
  /** What it knows of the calls of one tag; `''` for those without. */
  counts(tag: string): Promise<CallCounts>
  /** The counts of every tag that was ever called for. */
  allCounts(): Promise<Readonly<Record<string, CallCounts>>>
  /** Resolves as soon as the counts of a tag are as wanted. @throws It was closed before. */
  until(tag: string, isTrue: (counts: CallCounts) => boolean): Promise<CallCounts>
  /**
   * From now on these words count for a tag, whatever prompts say; for every tag without its own, where it is `*`.
   * The nth part is for the nth call of a tag, calls before this included. Undefined: prompts count again.
   *
   * @throws The words are no script.
   */
  script(tag: string, words: string | undefined): Promise<void>
  /** Lets the calls of a tag go on that are held now. */
  release(tag: string): Promise<void>
  close(): Promise<void>
}

/** A fault upstream in a process of its own: it can also be stopped and continued by signals. */
export interface SpawnedFaultUpstream extends FaultUpstream {
  readonly process: ChildProcess
}

/** One call, as an override sees it. */
export interface OverriddenCall {
  readonly tag: string
  /** Which call of its tag, from 1. */
  readonly number: number
  readonly request: Received
}

/** How a fault upstream differs from a plain one; in the test's process only. */
export interface FaultUpstreamOptions {
  /** Of all waits. The time of this machine where absent. */
  readonly clock?: Clock
  /**
   * Comes before everything else: the words of a script, or a ready answer, whose calls are counted, but no tokens;
   * undefined for what would be without it.
   */
  readonly override?: (call: OverriddenCall) => string | Answer | undefined
}

/** Starts a fault upstream in this process. */
export async function startFaultUpstream(options: FaultUpstreamOptions = {}): Promise<FaultUpstream> {
  const provider = new Provider(options)
  const server = await serveAnswers((request) => provider.answer(request))
  return connectTo(server.origin, () => server.close())
}

/** Starts a fault upstream as a process of its own. */
export async function spawnFaultUpstream(): Promise<SpawnedFaultUpstream> {
  const launched = launch({ args: [fileURLToPath(import.meta.url)] })
  const origin = String(await messageOf(launched.child))
  const close = async () => {
    launched.child.kill('SIGCONT') // A process that stands still does not hear that it shall end.
    await launched.stop()
  }
  return { ...connectTo(origin, close), process: launched.child }
}

class Provider {
  readonly #clock: Clock
  readonly #override: NonNullable<FaultUpstreamOptions['override']>
  readonly #ledger = createCallLedger()
  /** Words that come before those of prompts, by tag. */
  readonly #scripts = new Map<string, string>()
  readonly #gates = new Map<string, PromiseWithResolvers<void>>()
  readonly #routes: Readonly<Record<string, (request: Received) => Promise<Answer>>> = {
    'POST /v1/chat/completions': (request) => this.#answerCall(request),
    'GET /v1/models': async () => json({ object: 'list', data: [{ id: 'any', object: 'model' }] }),
    'GET /counts': (request) => this.#tellCounts(request),
    'POST /script': (request) => this.#setScript(request),
    'POST /release': (request) => this.#release(request),
  }

  constructor({ clock = systemClock, override = () => undefined }: FaultUpstreamOptions) {
    this.#clock = clock
    this.#override = override
  }

  async answer(request: Received): Promise<Answer> {
    const route = this.#routes[`${request.method} ${request.path.split('?')[0]}`]
    try {
      return (await route?.(request)) ?? refusal(404, 'There is no such route.')
    } catch (error) {
      if (error instanceof ScriptError) return refusal(400, error.message)
      throw error
    }
  }

  async #answerCall(request: Received): Promise<Answer> {
    const { body, closed } = request
    const prompt = promptOf(body)
    const record = this.#ledger.receive(findTag(prompt))
    const { tag, number } = record
    const control = new AbortController()
    void closed.then(() => {
      record.end('aborted') // Unless it has ended before.
      control.abort()
    })
    const override = this.#override({ tag, number, request })
    if (typeof override === 'object') return recorded(override, record)
    const words = override ?? this.#scripts.get(tag) ?? this.#scripts.get('*') ?? findWords(prompt)
    return answerOf({
      script: scriptFor(record, words),
      record,
      isStream: body?.['stream'] === true,
      clock: this.#clock,
      closed,
      signal: control.signal,
      released: (name) => this.#gate(name).promise,
    })
  }

  async #tellCounts({ path }: Received): Promise<Answer> {
    const query = new URL(path, 'http://localhost').searchParams
    const [tag, version] = [query.get('tag'), query.get('version')]
    if (tag === null) return json(this.#ledger.all())
    return json(version === null ? this.#ledger.counts(tag) : await this.#ledger.newer(tag, Number(version)))
  }

  async #setScript({ body }: Received): Promise<Answer> {
    const [tag, words] = [String(body?.['tag']), body?.['words']]
    if (typeof words === 'string') parseScript(words, 1) // It may throw.
    this.#scripts.delete(tag)
    if (typeof words === 'string') this.#scripts.set(tag, words)
    return json({})
  }

  async #release({ body }: Received): Promise<Answer> {
    const tag = String(body?.['tag'])
    this.#gate(tag).resolve()
    this.#gates.delete(tag)
    return json({})
  }

  /** Opens for all calls of a tag that wait at it. */
  #gate(tag: string): PromiseWithResolvers<void> {
    const gate = this.#gates.get(tag) ?? Promise.withResolvers<void>()
    this.#gates.set(tag, gate)
    return gate
  }
}

/** @throws {ScriptError} The words are no script; the call has been refused. */
function scriptFor(record: CallRecord, words: string): Script {
  try {
    return parseScript(words, record.number)
  } catch (error) {
    record.end('refused')
    throw error
  }
}

/** An answer whose beginning and end are recorded. */
function recorded(answer: Answer, record: CallRecord): Answer {
  const { status = 200, isHeadless = false, end = 'end' } = answer
  if (status >= 400) record.end('refused')
  else if (isHeadless && end !== 'hang') record.end('broken')
  return status >= 400 || isHeadless ? answer : { ...answer, chunks: [], more: said(answer, record) }
}

async function* said(
  { chunks = [], more, end = 'end' }: Answer,
  record: CallRecord,
): AsyncGenerator<string | Uint8Array> {
  record.begin(0)
  for (const item of chunks) {
    const piece = item instanceof Promise ? await item : item
    if (typeof piece === 'string' || piece instanceof Uint8Array) yield piece
  }
  if (more !== undefined) yield* more
  if (end !== 'hang') record.end(end === 'end' ? 'finished' : 'broken')
}

function json(value: unknown, status = 200): Answer {
  return { status, headers: { 'content-type': 'application/json' }, chunks: [JSON.stringify(value)] }
}

function refusal(status: number, message: string): Answer {
  return json({ error: { message, type: 'script', code: status } }, status)
}

/** Speaks with a provider, wherever it runs. */
function connectTo(origin: string, close: () => Promise<void>): FaultUpstream {
  const ask = async (path: string, body?: object): Promise<unknown> => {
    const method = body === undefined ? 'GET' : 'POST'
    const answer = await fetch(origin + path, { method, ...(body && { body: JSON.stringify(body) }) })
    if (!answer.ok) throw new Error(await answer.text())
    return answer.json()
  }
  // What the provider answers to these is what its ledger gave it.
  const counts = async (tag: string, version?: number) => {
    const since = version === undefined ? '' : `&version=${version}`
    return (await ask(`/counts?tag=${encodeURIComponent(tag)}${since}`)) as CallCounts
  }
  return {
    baseUrl: `${origin}/v1`,
    counts: (tag) => counts(tag),
    allCounts: async () => (await ask('/counts')) as Record<string, CallCounts>,
    async until(tag, isTrue) {
      let seen = await counts(tag)
      while (!isTrue(seen)) seen = await counts(tag, seen.version)
      return seen
    },
    script: async (tag, words) => void (await ask('/script', { tag, words })),
    release: async (tag) => void (await ask('/release', { tag })),
    close,
  }
}

if (import.meta.main) {
  process.once('disconnect', () => process.exit())
  const provider = new Provider({})
  const { origin } = await serveAnswers((request) => provider.answer(request))
  if (process.send === undefined) process.stdout.write(`${origin}\n`)
  else process.send(origin)
}
