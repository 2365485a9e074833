import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CreateRequest } from './create-request.ts'
import { explain } from './explain.ts'

/** Fields of a request, and what must be said of them: code, path, and the whole message. */
type Row = readonly [fields: object, code: string, param: string, message: string]

const MISSING = 'missing_required_parameter'
const tool = (fields: object) => ({ tools: [{ type: 'function', name: 'f' }, fields] })
const format = (fields: object) => ({ text: { format: fields } })

const rows: Readonly<Record<string, readonly Row[]>> = {
  tools: [
    [{ tools: {} }, 'invalid_type', 'tools', 'tools must be an array, got an object.'],
    [
      { tools: Array.from({ length: 129 }, () => ({ type: 'function', name: 'f' })) },
      'too_many_tools',
      'tools',
      'tools may hold at most 128 items, got 129.',
    ],
    [{ tools: [5] }, 'invalid_type', 'tools[0]', 'tools[0] must be an object, got a number.'],
    [tool({}), MISSING, 'tools[1].type', 'tools[1].type is required'],
    [
      tool({ type: 'web_search_preview' }),
      'unsupported_tool',
      'tools[1].type',
      'tools[1].type must be one of function, custom, namespace, tool_search, web_search, web_search_2025_08_26, got "web_search_preview".',
    ],
    [tool({ type: 'function' }), MISSING, 'tools[1].name', 'tools[1].name is required'],
    [
      tool({ type: 'function', name: 'a b' }),
      'invalid_value',
      'tools[1].name',
      'tools[1].name must match ^[a-zA-Z0-9_.-]+$, got "a b".',
    ],
    [
      tool({ type: 'function', name: 'n'.repeat(129) }),
      'string_above_max_length',
      'tools[1].name',
      'tools[1].name may have at most 128 characters, got 129.',
    ],
    [
      tool({ type: 'function', name: 'f', parameters: [] }),
      'invalid_type',
      'tools[1].parameters',
      'tools[1].parameters must be an object, got an array.',
    ],
    [
      tool({ type: 'function', name: 'f', strict: 'yes' }),
      'invalid_type',
      'tools[1].strict',
      'tools[1].strict must be a boolean, got a string.',
    ],
    [
      tool({ type: 'namespace', name: 'n', tools: [{ type: 'mcp' }] }),
      'unsupported_tool',
      'tools[1].tools[0].type',
      'tools[1].tools[0].type must be one of function, custom, got "mcp".',
    ],
    [
      { tool_choice: 'yes' },
      'invalid_value',
      'tool_choice',
      'tool_choice must be one of auto, none, required, got "yes".',
    ],
    [{ tool_choice: 5 }, 'invalid_type', 'tool_choice', 'tool_choice must be a string or object, got a number.'],
    [{ tool_choice: {} }, MISSING, 'tool_choice.type', 'tool_choice.type is required'],
    [
      { tool_choice: { type: 'mcp' } },
      'invalid_value',
      'tool_choice.type',
      'tool_choice.type must be one of function, custom, allowed_tools, got "mcp".',
    ],
    [{ tool_choice: { type: 'function' } }, MISSING, 'tool_choice.name', 'tool_choice.name is required'],
    [
      { tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [] } },
      'array_below_min_length',
      'tool_choice.tools',
      'tool_choice.tools must hold at least 1 item, got 0.',
    ],
  ],
  format: [
    [format({}), MISSING, 'text.format.type', 'text.format.type is required'],
    [
      format({ type: 'xml' }),
      'invalid_value',
      'text.format.type',
      'text.format.type must be one of text, json_object, json_schema, got "xml".',
    ],
    [format({ type: 'json_schema' }), MISSING, 'text.format.json_schema', 'text.format.json_schema is required'],
    [format({ type: 'json_schema', schema: {} }), MISSING, 'text.format.name', 'text.format.name is required'],
    [format({ type: 'json_schema', name: 'n' }), MISSING, 'text.format.schema', 'text.format.schema is required'],
    [
      format({ type: 'json_schema', name: 'n', schema: 5 }),
      'invalid_type',
      'text.format.schema',
      'text.format.schema must be an object, got a number.',
    ],
    [
      format({ type: 'json_schema', name: 'a b', schema: {} }),
      'invalid_value',
      'text.format.name',
      'text.format.name must match ^[a-zA-Z0-9_-]+$, got "a b".',
    ],
    [
      format({ type: 'json_schema', name: 'n', schema: {}, strict: 'yes' }),
      'invalid_type',
      'text.format.strict',
      'text.format.strict must be a boolean, got a string.',
    ],
    [
      format({ type: 'json_schema', json_schema: { name: 'n' } }),
      MISSING,
      'text.format.json_schema.schema',
      'text.format.json_schema.schema is required',
    ],
    [
      { text: { verbosity: 'huge' } },
      'invalid_value',
      'text.verbosity',
      'text.verbosity must be one of low, medium, high, got "huge".',
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
