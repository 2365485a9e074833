import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorDetail, ErrorType } from '../protocol/error.ts'
import type { Response } from '../protocol/response.ts'
import { conclude, type Ending } from './conclude.ts'
import { foldAll } from './decide.ts'
import type { OutputEvent } from './model-event.ts'
import { outline } from './testing/outline.ts'
import { ENDED_AT, eventsAfter, freshResponse, frozen, STOPPED, USAGE } from './testing/play-run.ts'

const ERROR: ErrorDetail = { type: 'server_error', code: 'upstream_unavailable', message: 'It broke off.', param: '' }
const CUT: Ending = { kind: 'finished', reason: 'max_output_tokens', usage: USAGE }
const FILTERED: Ending = { kind: 'finished', reason: 'content_filter', usage: USAGE }
const FAILED: Ending = { kind: 'failed', error: ERROR, usage: USAGE }
const CANCELLED: Ending = { kind: 'cancelled', usage: null }

const text: OutputEvent = { type: 'text', text: 'Hi' }
const reasoning: OutputEvent = { type: 'reasoning', text: 'Hm.' }
const call: OutputEvent = { type: 'tool_call', callId: 'a', name: 'f' }
const half: OutputEvent = { type: 'tool_arguments', callId: 'a', delta: '{"a"' }
const whole: OutputEvent = { type: 'tool_arguments', callId: 'a', delta: '{}' }

function conclusion(said: readonly OutputEvent[], ending: Ending) {
  const { response } = eventsAfter(freshResponse(), said)
  const events = conclude(frozen(response), frozen(ending), ENDED_AT)
  return { events, final: foldAll(response, events) }
}

const TEXT_CLOSED = ['0.0 output_text.done "Hi"', '0.0 content_part.done "Hi"']
const EMPTY_TEXT = [
  '0 output_item.added message in_progress',
  '0.0 content_part.added ""',
  '0.0 output_text.done ""',
  '0.0 content_part.done ""',
  '0 output_item.done message completed',
]

const ladders: readonly { name: string; said: readonly OutputEvent[]; ending: Ending; lines: readonly string[] }[] = [
  {
    name: 'a stop without a word is an empty message',
    said: [],
    ending: STOPPED,
    lines: [...EMPTY_TEXT, 'completed completed'],
  },
  {
    name: 'a stop after reasoning alone is an empty message too',
    said: [reasoning],
    ending: STOPPED,
    lines: [
      '0.0 reasoning_summary_text.done "Hm."',
      '0.0 reasoning_summary_part.done "Hm."',
      '0 output_item.done reasoning completed',
      ...EMPTY_TEXT.map((line) => line.replace(/^0/, '1')),
      'completed completed',
    ],
  },
  {
    name: 'a stop closes the message',
    said: [text],
    ending: STOPPED,
    lines: [...TEXT_CLOSED, '0 output_item.done message completed', 'completed completed'],
  },
  {
    name: 'a stop after a call needs no message',
    said: [call, whole],
    ending: STOPPED,
    lines: [
      '0 function_call_arguments.done "f" "{}"',
      '0 output_item.done function_call completed',
      'completed completed',
    ],
  },
  {
    name: 'a stop completes a call without arguments',
    said: [call],
    ending: STOPPED,
    lines: [
      '0 function_call_arguments.delta "{}"',
      '0 function_call_arguments.done "f" "{}"',
      '0 output_item.done function_call completed',
      'completed completed',
    ],
  },
  {
    name: 'an answer that ran out of tokens is incomplete, and so is its message',
    said: [text],
    ending: CUT,
    lines: [...TEXT_CLOSED, '0 output_item.done message incomplete', 'incomplete incomplete'],
  },
  {
    name: 'an answer that ran out of tokens before a word has no message',
    said: [],
    ending: CUT,
    lines: ['incomplete incomplete'],
  },
  {
    name: 'a filtered answer is incomplete',
    said: [text],
    ending: FILTERED,
    lines: [...TEXT_CLOSED, '0 output_item.done message incomplete', 'incomplete incomplete'],
  },
  {
    name: 'a call cut short is incomplete',
    said: [call, half],
    ending: CUT,
    lines: [
      '0 function_call_arguments.done "f" "{\\"a\\""',
      '0 output_item.done function_call incomplete',
      'incomplete incomplete',
    ],
  },
  {
    name: 'a failure says error first, and closes what is open',
    said: [text],
    ending: FAILED,
    lines: [...TEXT_CLOSED, '0 output_item.done message incomplete', 'error upstream_unavailable', 'failed failed'],
  },
  {
    name: 'a failure before a word has no item',
    said: [],
    ending: FAILED,
    lines: ['error upstream_unavailable', 'failed failed'],
  },
  {
    name: 'a failure after a whole call keeps it',
    said: [call, whole],
    ending: FAILED,
    lines: [
      '0 function_call_arguments.done "f" "{}"',
      '0 output_item.done function_call completed',
      'error upstream_unavailable',
      'failed failed',
    ],
  },
  {
    name: 'a cancelled run ends incomplete, with the status cancelled',
    said: [reasoning],
    ending: CANCELLED,
    lines: [
      '0.0 reasoning_summary_text.done "Hm."',
      '0.0 reasoning_summary_part.done "Hm."',
      '0 output_item.done reasoning incomplete',
      'incomplete cancelled',
    ],
  },
]
for (const { name, said, ending, lines } of ladders) {
  test(name, () => assert.deepEqual(outline(conclusion(said, ending).events), lines))
}

const finals: readonly { name: string; ending: Ending; fields: Partial<Response> }[] = [
  {
    name: 'completed',
    ending: STOPPED,
    fields: { status: 'completed', completed_at: ENDED_AT, incomplete_details: null, error: null, usage: USAGE },
  },
  {
    name: 'cut short',
    ending: CUT,
    fields: {
      status: 'incomplete',
      completed_at: null,
      incomplete_details: { reason: 'max_output_tokens' },
      error: null,
      usage: USAGE,
    },
  },
  {
    name: 'filtered',
    ending: FILTERED,
    fields: {
      status: 'incomplete',
      completed_at: null,
      incomplete_details: { reason: 'content_filter' },
      error: null,
      usage: USAGE,
    },
  },
  {
    name: 'failed',
    ending: FAILED,
    fields: {
      status: 'failed',
      completed_at: null,
      incomplete_details: null,
      error: { type: 'server_error', code: 'server_error', message: 'It broke off.' },
      usage: USAGE,
    },
  },
  {
    name: 'failed before anything was used',
    ending: { ...FAILED, usage: null },
    fields: { status: 'failed', usage: null },
  },
  {
    name: 'cancelled',
    ending: CANCELLED,
    fields: { status: 'cancelled', completed_at: null, incomplete_details: null, error: null, usage: null },
  },
  {
    name: 'cancelled after something was used',
    ending: { kind: 'cancelled', usage: USAGE },
    fields: { status: 'cancelled', usage: USAGE },
  },
]
for (const { name, ending, fields } of finals) {
  test(`the terminal snapshot of a run that was ${name} says so, and keeps the text`, () => {
    const { final } = conclusion([text], ending)
    assert.deepEqual({ ...final, ...fields }, final)
    assert.equal(final.output_text, 'Hi')
  })
}

const FIRST = freshResponse()

test('the terminal snapshot keeps every field that the run did not change', () => {
  const { final } = conclusion([text], STOPPED)
  const { output: _, ...rest } = final
  assert.deepEqual(rest, {
    ...withoutOutput(FIRST),
    status: 'completed',
    completed_at: ENDED_AT,
    output_text: 'Hi',
    usage: USAGE,
  })
})

function withoutOutput(response: Response): object {
  const { output: _, ...rest } = response
  return rest
}

for (const { serviceTier, tier } of [
  { serviceTier: undefined, tier: 'default' },
  { serviceTier: 'flex', tier: 'flex' },
  { serviceTier: 'on_demand', tier: 'on_demand' },
  { serviceTier: '', tier: 'default' },
  { serviceTier: 'Bearer x', tier: 'default' },
  { serviceTier: 'f'.repeat(33), tier: 'default' },
  { serviceTier: 'flex\n', tier: 'default' },
]) {
  test(`a provider that says it served ${JSON.stringify(serviceTier)} is echoed as ${tier}`, () => {
    const ending = { ...STOPPED, ...(serviceTier === undefined ? {} : { serviceTier }) }
    assert.equal(conclusion([text], ending).final.service_tier, tier)
  })
}

test('the error event speaks in both shapes that clients read', () => {
  const { events } = conclusion([], { ...FAILED, error: { ...ERROR, param: 'input' } })
  assert.deepEqual(events[0], {
    type: 'error',
    code: 'upstream_unavailable',
    message: 'It broke off.',
    param: 'input',
    error: { ...ERROR, param: 'input' },
  })
})

/** OpenAI's list for `response.error.code` is closed. */
const codes: Record<ErrorType, string> = {
  invalid_request_error: 'invalid_prompt',
  authentication_error: 'server_error',
  permission_denied_error: 'server_error',
  not_found_error: 'server_error',
  rate_limit_error: 'rate_limit_exceeded',
  api_error: 'server_error',
  server_error: 'server_error',
}
for (const [type, code] of Object.entries(codes)) {
  test(`response.error.code is ${code} for an ${type}`, () => {
    // The keys of the table are the types.
    const { final } = conclusion([], { ...FAILED, error: { ...ERROR, type: type as ErrorType } })
    assert.deepEqual(final.error, { type, code, message: 'It broke off.' })
  })
}
