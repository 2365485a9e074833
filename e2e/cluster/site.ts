import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, type TestContext } from 'node:test'
import { CLUSTER_MISSING, clusterForFile, type Cluster } from '../../src/store/postgres/testing/cluster.ts'
import { buildInto } from '../chaos/bundle.ts'
import { preparePlace, spawnServer, type Place, type ServerLife } from '../chaos/server-life.ts'
import { connectTo, type Wire } from '../chaos/wire.ts'
import { workingFolder } from '../harness/command.ts'
import { spawnFaultUpstream, type SpawnedFaultUpstream } from '../harness/fault-upstream.ts'

/** How processes are set up; by their defaults where absent. */
export interface MemberSettings {
  readonly background?: Readonly<Record<string, number>>
  readonly timeouts?: Readonly<Record<string, number>>
}

/** One place of a process, in which one comes after the other. */
export class Member {
  readonly #place: Place
  #life: ServerLife | undefined
  #wire: Wire | undefined
  #origin = ''

  constructor(place: Place) {
    this.#place = place
  }

  get life(): ServerLife {
    assert.ok(this.#life !== undefined, 'it was never started')
    return this.#life
  }

  get wire(): Wire {
    assert.ok(this.#wire !== undefined, 'it was never started')
    return this.#wire
  }

  /** Such as `http://127.0.0.1:43210`: another one for every process. */
  get origin(): string {
    return this.#origin
  }

  /** Starts a process, and waits until it listens. @returns how long that took, in milliseconds. */
  async start(): Promise<number> {
    const start_ms = performance.now()
    this.#life = spawnServer(this.#place)
    const origin = await this.#life.listening
    assert.ok(origin !== undefined, this.#life.said())
    this.#wire?.close()
    this.#origin = origin
    this.#wire = connectTo(origin)
    return performance.now() - start_ms
  }

  /** Tells it to stop, and waits until it has, as it should. */
  async stop(): Promise<void> {
    this.life.send('SIGTERM')
    const { code } = await this.life.ended
    assert.equal(code, 0, this.life.said())
  }

  /** Ends it as nobody should, wherever it is. */
  async end(): Promise<void> {
    this.#wire?.close()
    await this.#life?.kill()
  }
}

/** What processes share: a database, and a provider. */
export interface Site {
  readonly cluster: Cluster
  /** URL of the database. */
  readonly store: string
  readonly upstream: SpawnedFaultUpstream
  /** A place for processes of this name; it is empty at first. */
  member(name: string): Member
}

/** Makes sites for the tests of one file. Each goes with its test. */
export function sitesForFile(): (context: TestContext, settings?: MemberSettings) => Promise<Site> {
  const cluster = clusterForFile()
  const folder = workingFolder()
  let main = ''
  before(() => {
    if (CLUSTER_MISSING === false) main = buildInto(join(folder.path, 'dist'))
  })
  after(() => folder.remove())
  let sites = 0
  return async (context, { background = {}, timeouts = {} } = {}) => {
    const site = String(++sites)
    const [store, upstream] = await Promise.all([cluster().createDatabase(), spawnFaultUpstream()])
    const members: Member[] = []
    context.after(async () => {
      await Promise.all(members.map((member) => member.end()))
      await upstream.close()
    })
    const member = (instance: string): Member => {
      const { baseUrl } = upstream
      const place = join(folder.path, site, instance)
      const made = new Member(preparePlace({ main, folder: place, baseUrl, store, instance, background, timeouts }))
      members.push(made)
      return made
    }
    return { cluster: cluster(), store, upstream, member }
  }
}
