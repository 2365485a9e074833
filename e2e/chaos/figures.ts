import { CRASH_POINTS, type CrashPoint } from '../../src/core/checkpoint.ts'
import type { Snapshot } from './telling.ts'
import { RULES, type Journal, type Rule, type Violation } from './journal.ts'

/** What a run has come to. */
export class Figures {
  readonly #start_ms = performance.now()
  cycles = 0
  /** Kills from outside: at any time of traffic, or of a start. */
  readonly kills = { 'random, in traffic': 0, 'random, early': 0 }
  /** How often each point was asked for, and how often it was reached. */
  readonly points = new Map<CrashPoint, { asked: number; struck: number }>()
  pauses = 0
  accepted = 0
  /** Requests whose client was told of no id. */
  untold = 0
  calls = 0
  readonly ends = new Map<string, number>()
  /** From the start of a server to the end of what a crash had hit. */
  readonly resumed_ms: number[] = []
  /** From its spawn until a server listens. */
  readonly start_ms: number[] = []
  readonly violations: Violation[] = []

  /** Adds the journal of a data file that is finished. */
  add(journal: Journal): void {
    for (const { witness } of journal.deeds) {
      if (witness === undefined) this.untold++
      else this.#count(witness.isDeleted ? 'deleted' : nameOf(witness.end))
    }
    this.accepted += journal.witnesses().length
    this.violations.push(...journal.violations)
  }

  /** A server was asked to end at a point. @param isStruck Whether it has come there. */
  asked(point: CrashPoint, isStruck: boolean): void {
    const { asked, struck } = this.points.get(point) ?? { asked: 0, struck: 0 }
    this.points.set(point, { asked: asked + 1, struck: struck + Number(isStruck) })
  }

  #count(end: string): void {
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1)
  }

  /** How often a rule was broken. */
  broken(rule: Rule): number {
    return this.violations.filter((violation) => violation.rule === rule).length
  }

  /** One line, for whoever waits. */
  line(): string {
    const rules = Object.keys(RULES) as readonly Rule[] // Its own keys.
    const broken = rules.map((rule) => `${rule} ${this.broken(rule)}`).join(', ')
    const passed_s = Math.round((performance.now() - this.#start_ms) / 1000)
    return `${this.cycles} cycles in ${passed_s} s, ${this.accepted} accepted, ${broken}`
  }

  /** Everything, a line each. */
  table(): string {
    const rows: (readonly [string, string | number])[] = [
      ['cycles', this.cycles],
      ...Object.entries(this.kills).map(([name, count]) => [`kills: ${name}`, count] as const),
      ...this.#pointRows(),
      ['pauses', this.pauses],
      ['accepted', this.accepted],
      ['requests told of no id', this.untold],
      ['calls that the provider was asked for', this.calls],
      ...[...this.ends].toSorted().map(([name, count]) => [`ended: ${name}`, count] as const),
      ['server start, ms', spread(this.start_ms)],
      ['crash hit to end, ms after start', spread(this.resumed_ms)],
      ...Object.entries(RULES).map(([rule, text]) => [`${rule} (${text})`, this.broken(rule as Rule)] as const),
    ]
    const width = Math.max(...rows.map(([name]) => Math.min(name.length, NAME_CHARS_MAX)))
    return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')
  }

  #pointRows(): (readonly [string, string])[] {
    return Object.keys(CRASH_POINTS).flatMap((name) => {
      const { asked, struck } = this.points.get(name as CrashPoint) ?? { asked: 0, struck: 0 }
      return asked === 0 ? [] : [[`kills: ${name}`, `${struck} of ${asked} asked for`] as const]
    })
  }
}

const NAME_CHARS_MAX = 60

function nameOf(end: Snapshot | undefined): string {
  if (end === undefined) return 'not seen'
  return end.status === 'failed' ? `failed: ${end.error?.message}` : end.status
}

/** How numbers are spread, in words. */
export function spread(values: readonly number[]): string {
  if (values.length === 0) return 'none'
  const sorted = values.toSorted((one, other) => one - other)
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} (${values.length})`
}
