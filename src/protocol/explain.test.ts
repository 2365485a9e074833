import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CreateRequest } from './create-request.ts'
import { explain } from './explain.ts'

/** Fields of a request, and what must be said of them: code, path, and the whole message. */
type Row = readonly [fields: object, code: string, param: string, message: string]

const MISSING = 'missing_required_parameter'
const user = (content: unknown) => ({ input: [{ role: 'user', content }] })
const item = (fields: object) => ({ input: [fields] })

const rows: Readonly<Record<string, readonly Row[]>> = {
  model: [
    [{ model: undefined }, MISSING, 'model', 'model is required'],
    [{ model: null }, MISSING, 'model', 'model is required'],
    [{ model: '' }, 'invalid_value', 'model', 'model must not be empty.'],
    [{ model: 42 }, 'invalid_type', 'model', 'model must be a string, got a number.'],
    [{ model: ['demo'] }, 'invalid_type', 'model', 'model must be a string, got an array.'],
    [
      { model: 'm'.repeat(65_536) },
      'string_above_max_length',
      'model',
      'model may have at most 512 characters, got 65536.',
    ],
    [{ model: 'a\nb' }, 'invalid_value', 'model', 'model must match ^[^\\u0000-\\u001f\\u007f]+$, got "a\\nb".'],
  ],
  input: [
    [{ input: undefined }, MISSING, 'input', 'input is required'],
    [{ input: null }, MISSING, 'input', 'input is required'],
    [{ input: {} }, 'invalid_type', 'input', 'input must be a string or array, got an object.'],
    [{ input: 5 }, 'invalid_type', 'input', 'input must be a string or array, got a number.'],
    [
      { input: Array.from({ length: 10_001 }, () => ({ role: 'user', content: '' })) },
      'too_many_items',
      'input',
      'input may hold at most 10000 items, got 10001.',
    ],
    [item([]), 'invalid_type', 'input[0]', 'input[0] must be an object, got an array.'],
    [
      { input: [{ role: 'user', content: '' }, 42] },
      'invalid_type',
      'input[1]',
      'input[1] must be an object, got a number.',
    ],
    [item({ type: 5 }), 'invalid_type', 'input[0].type', 'input[0].type must be a string, got a number.'],
    [item({ role: 'user', content: '', id: '' }), 'invalid_value', 'input[0].id', 'input[0].id must not be empty.'],
  ],
  messages: [
    [item({ content: '' }), MISSING, 'input[0].role', 'input[0].role is required'],
    [item({ type: 'message', role: null, content: '' }), MISSING, 'input[0].role', 'input[0].role is required'],
    [
      item({ role: 'tool', content: '' }),
      'invalid_value',
      'input[0].role',
      'input[0].role must be one of user, system, developer, assistant, got "tool".',
    ],
    [item({ role: [], content: '' }), 'invalid_type', 'input[0].role', 'input[0].role must be a string, got an array.'],
    [item({ role: 'user' }), MISSING, 'input[0].content', 'input[0].content is required'],
    [user(null), MISSING, 'input[0].content', 'input[0].content is required'],
    [user({}), 'invalid_type', 'input[0].content', 'input[0].content must be a string or array, got an object.'],
    [
      user([{ type: 'input_text', text: '' }, 'x']),
      'invalid_type',
      'input[0].content[1]',
      'input[0].content[1] must be an object, got a string.',
    ],
    [
      item({ role: 'user', content: '', status: 'done' }),
      'invalid_value',
      'input[0].status',
      'input[0].status must be one of in_progress, completed, incomplete, got "done".',
    ],
  ],
  parts: [
    [user([]), 'array_below_min_length', 'input[0].content', 'input[0].content must hold at least 1 item, got 0.'],
    [user([{}]), MISSING, 'input[0].content[0].type', 'input[0].content[0].type is required'],
    [
      user([{ type: 'video' }]),
      'invalid_value',
      'input[0].content[0].type',
      'input[0].content[0].type must be one of input_text, input_image, input_file, got "video".',
    ],
    [
      user([{ type: 'output_text', text: '' }]),
      'invalid_value',
      'input[0].content[0].type',
      'input[0].content[0].type must be one of input_text, input_image, input_file, got "output_text".',
    ],
    [
      user([{ type: 'refusal', refusal: '' }]),
      'invalid_value',
      'input[0].content[0].type',
      'input[0].content[0].type must be one of input_text, input_image, input_file, got "refusal".',
    ],
    [user([{ type: 'input_text' }]), MISSING, 'input[0].content[0].text', 'input[0].content[0].text is required'],
    [
      user([{ type: 'input_text', text: 5 }]),
      'invalid_type',
      'input[0].content[0].text',
      'input[0].content[0].text must be a string, got a number.',
    ],
    [
      user([{ type: 'input_image', detail: 'ultra' }]),
      'invalid_value',
      'input[0].content[0].detail',
      'input[0].content[0].detail must be one of auto, low, high, original, got "ultra".',
    ],
    [
      user([{ type: 'input_image', image_url: { url: 'x' } }]),
      'invalid_type',
      'input[0].content[0].image_url',
      'input[0].content[0].image_url must be a string, got an object.',
    ],
    [
      user([{ type: 'input_file', file_data: 5 }]),
      'invalid_type',
      'input[0].content[0].file_data',
      'input[0].content[0].file_data must be a string, got a number.',
    ],
    [
      item({ role: 'assistant', content: [{ type: 'input_image' }] }),
      'invalid_value',
      'input[0].content[0].type',
      'input[0].content[0].type must be one of output_text, refusal, input_text, got "input_image".',
    ],
  ],
  calls: [
    [
      item({ type: 'function_call', name: 'f', arguments: '' }),
      MISSING,
      'input[0].call_id',
      'input[0].call_id is required',
    ],
    [
      item({ type: 'function_call', call_id: 'c', arguments: '' }),
      MISSING,
      'input[0].name',
      'input[0].name is required',
    ],
    [
      item({ type: 'function_call', call_id: 'c', name: 'f' }),
      MISSING,
      'input[0].arguments',
      'input[0].arguments is required',
    ],
    [
      item({ type: 'function_call', call_id: 'c', name: 'f', arguments: {} }),
      'invalid_type',
      'input[0].arguments',
      'input[0].arguments must be a string, got an object.',
    ],
    [item({ type: 'function_call_output', call_id: 'c' }), MISSING, 'input[0].output', 'input[0].output is required'],
    [item({ type: 'function_call_output', output: '' }), MISSING, 'input[0].call_id', 'input[0].call_id is required'],
    [
      item({ type: 'function_call_output', call_id: 'c', output: 5 }),
      'invalid_type',
      'input[0].output',
      'input[0].output must be a string or array, got a number.',
    ],
    [
      item({ type: 'custom_tool_call', call_id: 'c', name: 'f' }),
      MISSING,
      'input[0].input',
      'input[0].input is required',
    ],
    [
      item({ type: 'custom_tool_call_output', call_id: '', output: '' }),
      'invalid_value',
      'input[0].call_id',
      'input[0].call_id must not be empty.',
    ],
    [item({ type: 'item_reference' }), MISSING, 'input[0].id', 'input[0].id is required'],
    [
      item({ type: 'reasoning', summary: [{ type: 'summary_text' }] }),
      MISSING,
      'input[0].summary[0].text',
      'input[0].summary[0].text is required',
    ],
    [
      item({ type: 'additional_tools', tools: [{ type: 'mcp' }] }),
      'unsupported_tool',
      'input[0].tools[0].type',
      'input[0].tools[0].type must be one of function, custom, namespace, tool_search, web_search, web_search_2025_08_26, got "mcp".',
    ],
  ],
}

for (const [topic, faults] of Object.entries(rows)) {
  for (const [fields, code, param, message] of faults) {
    test(`${topic}: ${JSON.stringify(fields).slice(0, 80)} is blamed on ${param} as ${code}`, () => {
      assert.deepEqual(explain(CreateRequest, { model: 'demo', input: 'Hello', ...fields }), { code, param, message })
    })
  }
}
