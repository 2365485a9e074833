import { isJsonObject } from '../../protocol/json.ts'
import { exerciseHostile } from '../testing/hostile.ts'
import { createCohereReader } from './stream.ts'

const EVENTS = [
  'message-start',
  'content-start',
  'content-delta',
  'content-end',
  'tool-plan-delta',
  'tool-call-start',
  'tool-call-delta',
  'tool-call-end',
  'citation-start',
  'citation-end',
]

exerciseHostile('Cohere', {
  createReader: () => createCohereReader({ callIdPrefix: 'call_made_', secrets: [] }),
  keys: [
    'type',
    'index',
    'delta',
    'message',
    'content',
    'text',
    'thinking',
    'tool_plan',
    'tool_calls',
    'id',
    'function',
    'name',
    'arguments',
    'citations',
    'sources',
    'document',
    'tool_output',
    'url',
    'start',
    'end',
    'usage',
    'tokens',
    'billed_units',
    'input_tokens',
    'output_tokens',
    'cached_tokens',
    'logprobs',
    'finish_reason',
  ],
  words: [...EVENTS, 'message-end', 'COMPLETE', 'TEXT_CONTENT', 'https://a.example'],
  shape: (value, rest) => ({
    type: isJsonObject(rest) && typeof rest['type'] === 'string' ? rest['type'] : 'content-delta',
    index: isJsonObject(rest) ? (rest['index'] ?? 0) : 0,
    logprobs: rest,
    message: value,
    delta: { message: value },
  }),
})

exerciseHostile('Cohere, calls', {
  createReader: () => createCohereReader({ callIdPrefix: 'call_made_', secrets: [] }),
  keys: ['id', 'function', 'name', 'arguments'],
  words: ['tool-call-start', 'tool-call-delta', 'call_made_1'],
  shape: (value, rest) => ({
    type: rest === null ? 'tool-call-delta' : 'tool-call-start',
    index: rest,
    delta: { message: { tool_calls: value } },
  }),
})
