import { foldAll } from '../../src/core/decide.ts'
import { grammarFaults } from '../../src/core/grammar.ts'
import { decodeLog } from '../../src/core/log-codec.ts'
import { joinSnapshot } from '../../src/core/split-snapshot.ts'
import type { CallRecords } from '../../src/core/call-record.ts'
import { TERMINAL_EVENTS, type ResponseEvent } from '../../src/protocol/event.ts'
import type { ResponseId } from '../../src/protocol/id.ts'
import { isTerminal, type Response, type ResponseStatus } from '../../src/protocol/response.ts'
import type { MemoryTables } from '../../src/store/memory/memory-store.ts'
import type { Clients, Reading, Wish } from './clients.ts'
import type { World } from './world.ts'

type Row = MemoryTables['rows'] extends Map<ResponseId, infer Value> ? Value : never

/** How far a response has come, as any reader may see it. */
const RANK: Readonly<Record<ResponseStatus, number>> = {
  queued: 0,
  in_progress: 1,
  completed: 2,
  incomplete: 2,
  failed: 2,
  cancelled: 2,
}

/** Watches every row from its first step on: what has ended stays as it is. */
export function watchRows(world: World): void {
  const ended = new Map<string, string>()
  const seen = new Map<string, { status: ResponseStatus; version: number }>()
  world.onEffect = ({ id }) => {
    const row = id === undefined ? undefined : world.tables.rows.get(id)
    if (row === undefined) return
    const { status, version } = row.lifecycle
    const before = seen.get(row.id)
    if (before !== undefined && RANK[status] < RANK[before.status]) world.violations.push('I3: a row has gone back')
    if (before !== undefined && version < before.version) world.violations.push('I4: a version has gone back')
    if (before?.status !== status || before.version !== version) seen.set(row.id, { status, version })
    if (!isTerminal(status)) return
    const text = `${status}${joinSnapshot(row)}${row.log}${row.calls}`
    const known = ended.get(row.id)
    if (known !== undefined && known !== text)
      world.violations.push(`I2: a row that was ${before?.status} has changed to ${status}`)
    ended.set(row.id, text)
  }
}

/** Whether everything has come to its end: every row, every request, every stream of a process that is there. */
export function isSettled({ tables }: World, { pending, readings }: Clients): boolean {
  for (const { lifecycle } of tables.rows.values()) {
    if (!lifecycle.isDeleted && !isTerminal(lifecycle.status)) return false
  }
  for (const { isOver, process } of pending) if (!isOver && !process.isDead) return false
  for (const { end, process } of readings) if (end === 'open' && !process.isDead) return false
  return true
}

/** Says what is wrong with what has come of a schedule. */
export function checkLaws(world: World, clients: Clients): void {
  const wishOf = new Map(clients.wishes.map((wish) => [wish.tag, wish]))
  const say = (words: string) => void world.violations.push(words)
  for (const { words, isOver, process } of clients.pending) {
    if (!isOver && !process.isDead) say(`I9: ${words} was never answered`)
  }
  for (const row of world.tables.rows.values()) {
    const wish = wishOf.get(tagOf(row))
    if (wish === undefined) continue
    if (!isTerminal(row.lifecycle.status)) {
      if (!row.lifecycle.isDeleted) say(`I5: ${wish.tag} (${wish.kind}) is ${row.lifecycle.status} for ever`)
      continue
    }
    const log = checkLog(row, wish, say)
    checkCalls(world, row, { wish, say })
    for (const reading of clients.readings) if (reading.wish === wish) checkReading(reading, { log, row, world, say })
  }
  checkSightings(world, clients, say)
}

type Say = (words: string) => void

/** I3 and I7: the log is whole, and what it folds to is the row. */
function checkLog(row: Row, { tag }: Wish, say: Say): readonly ResponseEvent[] {
  const final = JSON.parse(joinSnapshot(row)) as Response // Written by the engine.
  const log = decodeLog(row.log ?? '[]', final)
  for (const fault of grammarFaults(log)) say(`I3: the log of ${tag}: ${fault}`)
  const [first] = log
  if (first?.type !== 'response.created') return log
  if (JSON.stringify(foldAll(first.response, log)) !== JSON.stringify(final))
    say(`I7: the log of ${tag} folds to something else`)
  if (final.status !== row.lifecycle.status)
    say(`I7: the row of ${tag} is ${row.lifecycle.status}, its snapshot ${final.status}`)
  return log
}

/** I6: what the models have seen is on record, and nothing is on record as done that they have not finished. */
function checkCalls(world: World, row: Row, { wish, say }: { wish: Wish; say: Say }): void {
  const records = JSON.parse(row.calls) as CallRecords // Written by the engine.
  const seen = world.calls.filter(({ tag }) => tag === wish.tag)
  const done = records.filter(({ state }) => state === 'done').length
  const finished = seen.filter(({ end }) => end === 'finished').length
  const isJob = wish.kind.startsWith('job')
  // In the foreground a second call is written down with the end, which a crash may prevent.
  if (isJob && records.length < seen.length)
    say(`I6: ${wish.tag} has ${records.length} calls on record, its models saw ${seen.length}`)
  if (!isJob && seen.length > 0 && records.length === 0) say(`I6: ${wish.tag} has no call on record`)
  if (done > finished) say(`I6: ${wish.tag} has ${done} calls done, its models finished ${finished}`)
  const most = 1 + world.disturbances + (world.turnedAway.get(wish.tag) ?? 0)
  if (seen.length > most) say(`${wish.tag} was asked ${seen.length} times, after ${most - 1} things that went wrong`)
  if (row.lifecycle.status === 'completed' && done === 0)
    say(`I6: ${wish.tag} is completed without a call that is done`)
}

interface Read {
  readonly log: readonly ResponseEvent[]
  readonly row: Row
  readonly world: World
  readonly say: Say
}

/** I3: every reader has seen a part of the log, letter for letter, and all of it where it came to its end. */
function checkReading(reading: Reading, { log, row, world, say }: Read): void {
  const { wish, after, events, end, process } = reading
  const words = `a reader of ${wish.tag} at ${process.name} (after ${after}, ${end})`
  const numbers = events.map(({ sequence_number: number }) => number)
  if (numbers.some((number, index) => number !== after + 1 + index)) say(`I3: ${words} was given ${numbers.join()}`)
  const terminals = events.filter(({ type }) => TERMINAL_EVENTS.has(type)).length
  if (terminals > 1) say(`I4: ${words} was given ${terminals} ends`)
  const differs = events.findIndex((event, index) => JSON.stringify(event) !== JSON.stringify(log[after + 1 + index]))
  if (
    differs !== -1 &&
    !(process === wish.process && mayDiffer({ row, log, world }, { wish, events, differs, after }))
  ) {
    say(`I3: ${words} was given another event ${after + 1 + differs} than the log has`)
  }
  const isOpen = end === 'open' && !process.isDead && !row.lifecycle.isDeleted
  if (isOpen) say(`I9: ${words} waits for ever`)
  if (end === 'ended' && differs === -1 && after + 1 + events.length < log.length)
    say(`I3: ${words} was given a part only`)
}

/**
 * What was shown in the foreground, by the very process that runs it, just before a crash may be lost: then the
 * response has failed, and whoever is told so is told the stored end. Where nobody could know whether the end was
 * stored, the client was told so, and may find that it was.
 */
function mayDiffer(
  { row, log, world }: Pick<Read, 'row' | 'log' | 'world'>,
  { wish, events, differs, after }: Pick<Reading, 'wish' | 'events' | 'after'> & { readonly differs: number },
): boolean {
  if (wish.kind !== 'stream' || world.disturbances === 0) return false
  const end = events.at(-1)
  const hasEnded = end !== undefined && TERMINAL_EVENTS.has(end.type)
  if (hasEnded && isUntold(JSON.stringify(end))) return true
  const saysMore = log.slice(after + 1 + differs).some((event) => 'delta' in event)
  return (
    row.lifecycle.status === 'failed' &&
    !saysMore &&
    (!hasEnded ||
      (end.type === 'response.failed' && (world.faults > 0 || JSON.stringify(end.response) === joinSnapshot(row))))
  )
}

/** Whether a client was told that nobody knows whether its answer was stored. */
function isUntold(text: string): boolean {
  return text.includes('"The answer could not be stored: ')
}

/** I2 and I3: what has ended never changes for anybody, and no status is seen to go back. */
function checkSightings({ tables, faults }: World, { sightings }: Clients, say: Say): void {
  for (const { wish, status, text, by, from } of sightings) {
    const row = tables.rows.get(wish.id as ResponseId) // It was given out by the engine.
    if (row === undefined) {
      say(`I1: ${wish.tag} was seen, and there is no row`)
      continue
    }
    if (text !== undefined && isTerminal(row.lifecycle.status) && joinSnapshot(row) !== text) {
      const isUnstored =
        faults > 0 &&
        !row.lifecycle.background &&
        status === 'failed' &&
        (row.lifecycle.status === 'failed' || isUntold(text))
      if (!isUnstored) say(`I2: ${wish.tag} was ${status} for ${by}, and is ${row.lifecycle.status} now`)
    }
    for (const earlier of sightings) {
      if (earlier.wish === wish && earlier.to < from && RANK[earlier.status] > RANK[status]) {
        say(`I3: ${wish.tag} was ${earlier.status} for ${earlier.by}, and ${status} for ${by} later`)
      }
    }
  }
}

function tagOf({ input }: Row): string {
  return /"text":"(r\d+)"/.exec(input)?.[1] ?? ''
}
