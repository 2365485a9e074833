import { exerciseHostile } from '../testing/hostile.ts'
import { createConverseReader } from './stream.ts'

const EVENTS = ['contentBlockStart', 'contentBlockDelta', 'contentBlockStop', 'messageStop', 'metadata']

exerciseHostile('Converse', {
  createReader: () => createConverseReader({ callIdPrefix: 'call_made_', vendor: 'anthropic' }),
  keys: [
    ...EVENTS,
    'contentBlockIndex',
    'start',
    'delta',
    'text',
    'toolUse',
    'toolUseId',
    'name',
    'type',
    'input',
    'reasoningContent',
    'reasoningText',
    'signature',
    'redactedContent',
    'citation',
    'citationsContent',
    'citations',
    'content',
    'location',
    'web',
    'url',
    'title',
    'stopReason',
    'usage',
    'inputTokens',
    'outputTokens',
    'serviceTier',
    'output',
    'message',
  ],
  words: [...EVENTS, 'server_tool_use', 'tool_use', 'max_tokens', 'malformed_tool_use', 'weather'],
  shape: (value, rest) => ({
    contentBlockStart: { contentBlockIndex: 0, start: { toolUse: value } },
    contentBlockDelta: { contentBlockIndex: 0, delta: value },
    contentBlockStop: rest,
    messageStop: rest,
    metadata: value,
    output: { message: { content: [value, rest] } },
  }),
})
