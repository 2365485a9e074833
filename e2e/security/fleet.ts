import { familyOf } from '../../src/providers/registry.ts'
import { systemClock, type Clock } from '../../src/engine/clock.ts'
import { providerSetup } from '../../src/providers/testing/chat-provider.ts'
import { OneAnswer } from '../../src/providers/testing/one-answer.ts'
import type { Conforming, WireAnswer } from '../../src/providers/testing/conformance/suite.ts'
import type { Answer } from '../harness/upstream.ts'
import { loadFamilies } from '../threads/families.ts'

/** One spelling of a family's wire, as a provider that a test configures under this name. */
export interface Member {
  readonly name: string
  readonly family: Conforming
  readonly dialect: string
  /** Settings that its family alone has, such as the region. */
  readonly own: Readonly<Record<string, string>>
}

/** Dialects whose requests go elsewhere than those of their family's first, with what they need. */
const ELSEWHERE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  vertex: { project: 'project-1', location: 'europe-west4' },
}

/** Every family there is, and those of its dialects that differ in where their requests go. */
export async function loadFleet(): Promise<readonly Member[]> {
  const families = await loadFamilies()
  return families.flatMap((family) => {
    const { name, setup } = family
    const own = (setup.own ?? {}) as Readonly<Record<string, string>> // Nothing in it is undefined.
    const others = Object.entries(ELSEWHERE).filter(([dialect]) => familyOf(name, dialect) !== undefined)
    return [
      { name, family, dialect: setup.dialect, own },
      ...others.map(([dialect, needs]) => ({ name: `${name}-${dialect}`, family, dialect, own: needs })),
    ]
  })
}

/** A member as the configuration has it. */
export function memberConfig({ family, dialect, own }: Member, baseUrl: string, more: object = {}): object {
  return { kind: family.name, dialect, api_key: 'provider-key', base_url: baseUrl, ...own, ...more }
}

/** Members as the configuration has them, all at one address. */
export function fleetAt(baseUrl: string, fleet: readonly Member[], more: object = {}): Record<string, object> {
  return Object.fromEntries(fleet.map((member) => [member.name, memberConfig(member, baseUrl, more)]))
}

/** Whether Chat Completions are passed on to a member as they are. */
export function speaksChat({ family, dialect, own }: Member): boolean {
  const setup = providerSetup(new OneAnswer(''), { dialect, own, baseUrl: 'http://127.0.0.1/v1' })
  return family.family.create(setup).chat !== undefined
}

/** What a fixture's provider answers, for an upstream to send. */
export function served({ status = 200, headers = {}, contentType, pieces }: WireAnswer): Answer {
  const type = contentType ?? (pieces.length > 1 ? 'text/event-stream' : 'application/json')
  return { status, headers: { 'content-type': type, ...headers }, chunks: pieces }
}

/** The time of this machine, in which waits between two tries are over at once: ours, and what fixtures ask for. */
export const impatientClock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === 500 || ms === 1000 || (ms > 6000 && ms <= 7000) ? 1 : ms, signal),
}

let models = 0

/** A model of a member that nobody has asked for: one that is limited is given a rest. */
export function freshModel({ name, family }: Member): string {
  return `${name}/${family.model}-${models++}`
}
