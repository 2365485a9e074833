import type { HistoryItem } from '../core/model-call.ts'
import type { UserPart } from '../protocol/input-item.ts'

type UserMessage = Extract<HistoryItem, { type: 'message'; role: 'user' | 'system' | 'developer' }>
type CallItem = Extract<HistoryItem, { type: 'function_call' }>
type ResultItem = Extract<HistoryItem, { type: 'function_call_output' }>

/** What an assistant says in one turn: texts, reasoning and calls. */
export type Saying = Exclude<HistoryItem, UserMessage | ResultItem>

/** What a tool gave back for one call. */
export interface ToolResult {
  /** The id of its call, as it stands in the turn before. */
  readonly callId: string
  /** The tool's name, which some providers want again. */
  readonly name: string
  readonly output: string | readonly UserPart[]
}

/** What one side says before another speaks. */
export type Turn =
  | { readonly role: UserMessage['role']; readonly parts: readonly UserPart[] }
  | { readonly role: 'assistant'; readonly said: readonly Saying[] }
  /** The results of all calls of the turn before, in the order of the calls. */
  | { readonly role: 'tool'; readonly results: readonly ToolResult[] }

/** The words of a turn, and its calls. */
export interface Spoken {
  /** All its texts together, what it refused among them. */
  readonly text: string
  readonly calls: readonly CallItem[]
}

/** What an assistant said in a turn, apart from its thinking. */
export function spokenIn(said: readonly Saying[]): Spoken {
  const parts = said.flatMap((item) => (item.type === 'message' ? item.parts : []))
  return {
    text: parts.map((part) => (part.type === 'refusal' ? part.refusal : part.text)).join(''),
    calls: said.filter((item) => item.type === 'function_call'),
  }
}

/**
 * Gathers a history into turns as providers demand them: everything an assistant says at once in one turn, its
 * results right after it, call ids that are used once. Append-only: a longer history begins with the same turns.
 *
 * @param history Every call has its result: `core/history.ts` has seen to it.
 */
export function gatherTurns(history: readonly HistoryItem[]): readonly Turn[] {
  const results = matchResults(history)
  const turns: Turn[] = []
  let said: Saying[] = []
  const ids = new Map<string, number>()
  const flush = () => {
    if (said.length > 0) turns.push(...assistantTurns(said, { results, ids }))
    said = []
  }
  for (const item of history) {
    if (item.type === 'function_call_output') {
      flush()
    } else if (item.type === 'message' && item.role !== 'assistant') {
      flush()
      turns.push({ role: item.role, parts: item.parts })
    } else {
      // An assistant that speaks after its calls has begun another turn.
      if (item.type === 'message' && said.some(({ type }) => type === 'function_call')) flush()
      said.push(item)
    }
  }
  flush()
  return turns
}

/** The result of each call. Ids may come again in later turns: a result belongs to the first call without one. */
function matchResults(history: readonly HistoryItem[]): ReadonlyMap<CallItem, ResultItem> {
  const results = new Map<CallItem, ResultItem>()
  const calls = new Map<string, CallItem[]>()
  for (const item of history) {
    if (item.type === 'function_call') {
      const same = calls.get(item.callId)
      if (same === undefined) calls.set(item.callId, [item])
      else same.push(item)
    }
    if (item.type !== 'function_call_output') continue
    const same = calls.get(item.callId) ?? []
    const open = same.find((call) => !results.has(call)) ?? same.at(-1)
    if (open !== undefined) results.set(open, item)
  }
  return results
}

interface Matching {
  readonly results: ReadonlyMap<CallItem, ResultItem>
  /** How often each call id has been used. */
  readonly ids: Map<string, number>
}

function assistantTurns(said: readonly Saying[], { results, ids }: Matching): Turn[] {
  const answers: ToolResult[] = []
  const unique = said.map((item) => {
    if (item.type !== 'function_call') return item
    const uses = (ids.get(item.callId) ?? 0) + 1
    ids.set(item.callId, uses)
    const callId = uses === 1 ? item.callId : `${item.callId}_${uses}`
    const result = results.get(item)
    if (result !== undefined) answers.push({ callId, name: item.name, output: result.output })
    return uses === 1 ? item : { ...item, callId }
  })
  const turn: Turn = { role: 'assistant', said: unique }
  return answers.length === 0 ? [turn] : [turn, { role: 'tool', results: answers }]
}

/** A turn for providers that know two sides alone, which speak by turns. */
export type SidedTurn =
  | { readonly role: 'user'; readonly results: readonly ToolResult[]; readonly parts: readonly UserPart[] }
  | { readonly role: 'assistant'; readonly said: readonly Saying[] }

/** A history for such a provider. */
export interface SidedHistory {
  /** What the system says before anybody has spoken. */
  readonly system: readonly string[]
  readonly turns: readonly SidedTurn[]
}

/** Stands where a provider wants a user to have spoken, and none has, or not a word. */
const SILENCE = '(The user said nothing.)'

/**
 * The turns of two sides that speak by turns, the user first, nobody without a word. What the system says later
 * stays in its place, marked, on the user's side: at the top it would change what a provider has cached.
 */
export function alternate(turns: readonly Turn[]): SidedHistory {
  const first = turns.findIndex(({ role }) => role !== 'system' && role !== 'developer')
  const leading = turns.slice(0, first === -1 ? turns.length : first)
  const sided: SidedTurn[] = []
  for (const turn of turns.slice(leading.length)) {
    const last = sided.at(-1)
    if (turn.role === 'assistant') {
      if (last === undefined) sided.push(SILENT)
      if (last?.role === 'assistant') sided.splice(-1, 1, { role: 'assistant', said: [...last.said, ...turn.said] })
      else sided.push(turn)
    } else {
      const next = userSide(turn)
      if (last?.role === 'user') sided.splice(-1, 1, joinSides(last, next))
      else sided.push(next)
    }
  }
  const system = leading.flatMap((turn) => ('parts' in turn ? textsOf(turn.parts) : []))
  return { system, turns: sided.map(withWord) }
}

type UserSide = Extract<SidedTurn, { role: 'user' }>

const SILENT: UserSide = { role: 'user', results: [], parts: [] }

function userSide(turn: Exclude<Turn, { role: 'assistant' }>): UserSide {
  if (turn.role === 'tool') return { role: 'user', results: turn.results, parts: [] }
  const parts = turn.parts.filter((part) => part.type !== 'input_text' || part.text.trim() !== '')
  if (turn.role === 'user') return { role: 'user', results: [], parts }
  const marked = parts.map((part) =>
    part.type === 'input_text' ? { ...part, text: `<system>\n${part.text}\n</system>` } : part,
  )
  return { role: 'user', results: [], parts: marked }
}

function joinSides(one: UserSide, other: UserSide): UserSide {
  return { role: 'user', results: [...one.results, ...other.results], parts: [...one.parts, ...other.parts] }
}

function withWord(turn: SidedTurn): SidedTurn {
  if (turn.role === 'assistant' || turn.parts.length > 0 || turn.results.length > 0) return turn
  return { ...turn, parts: [{ type: 'input_text', text: SILENCE }] }
}

function textsOf(parts: readonly UserPart[]): string[] {
  return parts.flatMap((part) => (part.type === 'input_text' && part.text.trim() !== '' ? [part.text] : []))
}
