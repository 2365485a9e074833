import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { spawnFaultUpstream, type SpawnedFaultUpstream } from '../harness/fault-upstream.ts'
import { CHAOS_KEY, preparePlace, spawnServer, type Place, type ServerLife } from './server-life.ts'
import type { Snapshot } from './telling.ts'

/** The command line, as it stands in the source. */
export const SOURCE = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** What a response is asked for with; the prompt is told to the provider. */
export interface Wanted {
  readonly background?: boolean
  readonly stream?: boolean
  readonly store?: boolean
  /** Its `Idempotency-Key`. */
  readonly key?: string
}

/** A place with a server in it, one after the other, and a provider that outlives them. */
export class LoneServer {
  readonly folder: string
  readonly upstream: SpawnedFaultUpstream
  readonly place: Place
  life: ServerLife
  #base = ''

  constructor(folder: string, upstream: SpawnedFaultUpstream, place: Place) {
    this.folder = folder
    this.upstream = upstream
    this.place = place
    this.life = spawnServer(place)
  }

  /** Waits until it listens. @throws It has ended. */
  async listen(): Promise<void> {
    const origin = await this.life.listening
    assert.ok(origin !== undefined, this.life.said())
    this.#base = `${origin}/v1`
  }

  /** Ends it, and starts another one. */
  async restart(crashAt?: string): Promise<void> {
    await this.life.kill()
    this.life = spawnServer(this.place, crashAt)
    await this.listen()
  }

  /** Asks without any retry. @throws The connection broke. */
  fetch(path: string, options: RequestInit = {}): Promise<Response> {
    const headers = new Headers(options.headers)
    headers.set('authorization', `Bearer ${CHAOS_KEY}`)
    headers.set('content-type', 'application/json')
    return fetch(this.#base + path, { ...options, headers })
  }

  post(prompt: string, { key, ...wanted }: Wanted = {}): Promise<Response> {
    return this.fetch('/responses', {
      method: 'POST',
      headers: key === undefined ? {} : { 'idempotency-key': key },
      body: JSON.stringify({ model: 'fault/m', input: prompt, ...wanted }),
    })
  }

  /** Asks for a background response. @returns its id. */
  async accept(prompt: string): Promise<string> {
    const answer = await this.post(prompt, { background: true })
    assert.equal(answer.status, 202)
    return ((await answer.json()) as Snapshot).id
  }

  async text(id: string): Promise<string> {
    const answer = await this.fetch(`/responses/${id}`)
    const text = await answer.text()
    assert.equal(answer.status, 200, text)
    return text
  }

  async get(id: string): Promise<Snapshot> {
    return JSON.parse(await this.text(id)) as Snapshot
  }

  /** Looks until a response has ended. @throws It has not in time. */
  async ended(id: string, ms_max = 20_000): Promise<Snapshot> {
    const deadline_ms = performance.now() + ms_max
    for (;;) {
      const snapshot = await this.get(id)
      if (!['queued', 'in_progress'].includes(snapshot.status)) return snapshot
      assert.ok(performance.now() < deadline_ms, `${id} is still ${snapshot.status} after ${ms_max} ms`)
      await sleep(LOOK_MS)
    }
  }
}

const LOOK_MS = 10

/** How a lone server is set up. */
export interface LoneOptions {
  /** The file that Node runs: the source where absent. */
  readonly main?: string
  /** Folder of its database; a fresh one where absent. */
  readonly data?: string
  readonly background?: Readonly<Record<string, number>>
  /** URL of its storage; a SQLite file in `data` where absent. */
  readonly store?: string
  readonly instance?: string
  /** The provider of another server; one of its own where absent. */
  readonly upstream?: SpawnedFaultUpstream
}

/** Starts a server. It, its provider and its folder go with the test. */
export async function startLone(context: TestContext, options: LoneOptions = {}): Promise<LoneServer> {
  const folder = mkdtempSync(join(tmpdir(), 'antiphon-lone-'))
  const upstream = options.upstream ?? (await spawnFaultUpstream())
  const { main = SOURCE, data = join(folder, 'data'), background = {}, instance = 'lone' } = options
  const { store = `sqlite:${join(data, 'antiphon.db')}` } = options
  const place = preparePlace({ main, folder, baseUrl: upstream.baseUrl, store, instance, background })
  const server = new LoneServer(folder, upstream, place)
  context.after(async () => {
    await server.life.kill()
    if (options.upstream === undefined) await upstream.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await server.listen()
  return server
}

/** Resolves when a condition holds. @throws It does not in time. */
export async function until(isTrue: () => Promise<boolean>, ms_max: number): Promise<void> {
  const deadline_ms = performance.now() + ms_max
  while (!(await isTrue())) {
    assert.ok(performance.now() < deadline_ms, `still not so after ${ms_max} ms`)
    await sleep(LOOK_MS)
  }
}

/** All that comes of an answer, also where its connection breaks. */
export async function textUntilCut(answer: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const bytes of answer.body ?? []) text += decoder.decode(bytes as Uint8Array, { stream: true })
  } catch {
    return text // What has come until then counts.
  }
  return text
}
