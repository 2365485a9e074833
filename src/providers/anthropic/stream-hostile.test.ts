import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts'
import { exerciseHostile } from '../testing/hostile.ts'
import { createMessagesReader } from './stream.ts'

const BLOCKS = ['text', 'thinking', 'redacted_thinking', 'tool_use']
const DELTAS = ['text_delta', 'thinking_delta', 'signature_delta', 'input_json_delta', 'citations_delta']
const EVENTS = ['message_start', 'content_block_start', 'content_block_delta', 'content_block_stop', 'message_delta']

const NAMES =
  'type index message content_block delta usage error content stop_reason stop_details text citations citation url title source ' +
  'thinking signature data id name input partial_json explanation input_tokens output_tokens output_tokens_details service_tier'

exerciseHostile('anthropic', {
  createReader: () => createMessagesReader({ callIdPrefix: 'call_made_', secrets: [] }),
  keys: NAMES.split(' '),
  words: [...BLOCKS, ...DELTAS, 'refusal', 'https://a.example', 'standard'],
  shape: (value, rest) => {
    const size = JSON.stringify([value, rest]).length
    const typed = (types: readonly string[]) => ({ type: types[size % types.length] ?? '', ...fieldsOf(value) })
    return {
      type: EVENTS[size % EVENTS.length] ?? '',
      index: size % 2,
      content_block: size % 3 === 0 ? value : typed(BLOCKS),
      delta: size % 3 === 0 ? value : typed(DELTAS),
      content: [typed(BLOCKS), value],
      message: rest,
      usage: rest,
    }
  },
})

function fieldsOf(value: JsonValue): JsonObject {
  return isJsonObject(value) ? value : {}
}
