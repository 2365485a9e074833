import { listIn, needPairs, onlyKeys, type Blame, type Loose } from '../../testing/strict.ts'

const FIELDS = new Set([
  'model',
  'input',
  'instructions',
  'stream',
  'store',
  'include',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'reasoning',
  'text',
  'max_output_tokens',
  'temperature',
  'top_p',
  'metadata',
  'prompt_cache_key',
  'safety_identifier',
])

/** Responses, where nothing is stored. @see https://platform.openai.com/docs/api-reference/responses */
export function blameRequest(body: Loose, blame: Blame): void {
  onlyKeys(body, FIELDS, blame)
  if (body['store'] !== false) blame('nothing may be stored at the provider')
  const [calls, results]: [string[], string[]] = [[], []]
  for (const item of listIn(body['input'], blame, 'input')) {
    const { type = 'message', id, call_id: callId } = item
    if (id !== undefined && !ID_FORMS[type]?.test(String(id)))
      blame(`an item of type ${String(type)} has the id ${String(id)}`)
    if (callId !== undefined && (String(callId) === '' || String(callId).length > 64))
      blame('a call_id has 1 to 64 characters')
    if (type === 'function_call') calls.push(String(callId))
    else if (type === 'function_call_output') {
      results.push(String(callId))
      if (!calls.includes(String(callId))) blame(`the result ${String(callId)} has no call before it`)
    } else if (type === 'message') checkMessage(item, blame)
    else if (type !== 'reasoning') blame(`unknown item type ${String(type)}`)
    if (type === 'reasoning' && typeof item['encrypted_content'] !== 'string')
      blame('reasoning that is not stored must be encrypted')
  }
  needPairs(calls, results, blame)
}

const ID_FORMS: Readonly<Record<string, RegExp>> = { message: /^msg_/, reasoning: /^rs_/, function_call: /^fc_/ }

function checkMessage({ role, content }: Loose, blame: Blame): void {
  const kinds = role === 'assistant' ? ['output_text', 'refusal'] : ['input_text', 'input_image', 'input_file']
  if (!['user', 'assistant', 'system', 'developer'].includes(String(role))) blame(`unknown role ${String(role)}`)
  if (typeof content === 'string') return
  for (const { type } of listIn(content, blame, 'content')) {
    if (!kinds.includes(String(type))) blame(`${String(role)} has no part of type ${String(type)}`)
  }
}
