/**
 * Ids, the only place that makes or reads them.
 *
 * A response id is `resp_` and 48 hex characters: the millisecond it was made in (12), so that rows of one
 * time lie together in an index, and 144 random bits (36). The id of an item that we name is built from its response's id and its place, so a fold of the same model events
 * gives the same ids, and the response that holds an item can be found from the item's id alone.
 */
declare const brand: unique symbol

/** The id of a response: `^resp_[A-Za-z0-9_-]{1,64}$`. */
export type ResponseId = string & { readonly [brand]: 'ResponseId' }

/** The owner of everything stored: a short name chosen by the operator. */
export type AccountId = string & { readonly [brand]: 'AccountId' }

/** Prefixes of item ids, by item type. Types that are absent use `item`. */
export const ITEM_PREFIX = {
  message: 'msg',
  function_call: 'fc',
  function_call_output: 'fco',
  custom_tool_call: 'ctc',
  custom_tool_call_output: 'ctco',
  reasoning: 'rs',
  tool_search_call: 'tsc',
  tool_search_output: 'tso',
  additional_tools: 'at',
  compaction: 'cmp',
  web_search_call: 'ws',
  file_search_call: 'fs',
  code_interpreter_call: 'ci',
  image_generation_call: 'ig',
  mcp_call: 'mcp',
  mcp_list_tools: 'mcpl',
  shell_call: 'sh',
  shell_call_output: 'sho',
} as const satisfies Record<string, string>

/** Which list of its response an item stands in. */
export type ItemSide = 'input' | 'output'

const RESPONSE_ID = /^resp_[A-Za-z0-9_-]{1,64}$/
const MINTED_ITEM_ID = /^[a-z]+_([0-9a-f]{48})([io])(\d{1,6})$/
const SIDE_LETTER = { input: 'i', output: 'o' } as const
const HEX_LENGTH = 48
const TIME_HEX_LENGTH = 12

/** The part of a response id that tells when it was made: 12 hex characters. @param now_ms Unix time in milliseconds. */
export function timeHex(now_ms: number): string {
  return now_ms.toString(16).padStart(TIME_HEX_LENGTH, '0')
}

/** Makes a response id from 48 hex characters. */
export function mintResponseId(hex: string): ResponseId {
  if (hex.length !== HEX_LENGTH) throw new Error('A response id needs 48 hex characters.')
  // The template is the pattern of RESPONSE_ID.
  return `resp_${hex}` as ResponseId
}

/** Reads a response id, or returns undefined where the text is not of its form. */
export function parseResponseId(text: string): ResponseId | undefined {
  // The test proves the brand.
  return RESPONSE_ID.test(text) ? (text as ResponseId) : undefined
}

/** Names an account. The caller has checked where the name comes from. */
export function accountId(name: string): AccountId {
  return name as AccountId // An account is whatever the operator calls it.
}

/** The id of the item of a given type at a place in its response. */
export function mintItemId(
  responseId: ResponseId,
  type: string,
  { side, index }: { side: ItemSide; index: number },
): string {
  // The key has just been found.
  const prefix = Object.hasOwn(ITEM_PREFIX, type) ? ITEM_PREFIX[type as keyof typeof ITEM_PREFIX] : 'item'
  return `${prefix}_${responseId.slice('resp_'.length)}${SIDE_LETTER[side]}${index}`
}

/** Where a minted item id points, or undefined for an id that a client made. */
export function parseItemId(id: string): { responseId: ResponseId; side: ItemSide; index: number } | undefined {
  const match = MINTED_ITEM_ID.exec(id)
  if (match === null) return undefined
  return {
    responseId: mintResponseId(match[1] ?? ''),
    side: match[2] === 'i' ? 'input' : 'output',
    index: Number(match[3]),
  }
}
