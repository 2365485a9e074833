import { isJsonObject } from '../../protocol/json.ts'
import { exerciseHostile } from '../testing/hostile.ts'
import { createOllamaReader } from './stream.ts'

exerciseHostile('Ollama', {
  createReader: () => createOllamaReader({ callIdPrefix: 'call_made_', secrets: [] }),
  keys: [
    'message',
    'content',
    'thinking',
    'tool_calls',
    'id',
    'function',
    'name',
    'arguments',
    'done',
    'done_reason',
    'prompt_eval_count',
    'eval_count',
    'logprobs',
    'top_logprobs',
    'token',
  ],
  words: ['stop', '<think>', '</think>'],
  shape: (value, rest) => ({ message: value, ...(isJsonObject(rest) ? rest : { tool_calls: rest }) }),
})
