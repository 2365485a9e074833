import { isBase64, listIn, needNew, needPairs, onlyKeys, type Blame, type Loose } from './loose.ts'

const OLLAMA_FIELDS = new Set([
  'model',
  'messages',
  'tools',
  'format',
  'options',
  'stream',
  'think',
  'keep_alive',
  'truncate',
  'shift',
  'logprobs',
  'top_logprobs',
])

/** Ollama's /api/chat. @see https://docs.ollama.com/api/chat */
export function blameOllama(body: Loose, blame: Blame): void {
  onlyKeys(body, OLLAMA_FIELDS, blame)
  let open: string[] = []
  let results: string[] = []
  for (const { role, content, images = [], tool_calls: calls = [], tool_name: name } of listIn(
    body['messages'],
    blame,
    'messages',
  )) {
    if (typeof content !== 'string') blame('content must be text')
    for (const image of images) if (!isBase64(image)) blame('an image must be bare base64')
    if (role === 'tool') {
      results.push(String(name))
      continue
    }
    needPairs(open, results, blame)
    results = []
    open = listIn(calls, blame, 'tool_calls').map(({ function: called }) => {
      if (typeof called?.arguments !== 'object' || called.arguments === null) blame('arguments must be an object')
      return String(called?.name)
    })
    if (!['user', 'assistant', 'system'].includes(String(role))) blame(`unknown role ${String(role)}`)
  }
  needPairs(open, results, blame)
}

const COHERE_FIELDS = new Set([
  'model',
  'messages',
  'tools',
  'strict_tools',
  'tool_choice',
  'response_format',
  'thinking',
  'max_tokens',
  'temperature',
  'p',
  'k',
  'seed',
  'frequency_penalty',
  'presence_penalty',
  'logprobs',
  'stream',
  'safety_mode',
  'citation_options',
])

/** Cohere's v2 chat. @see https://docs.cohere.com/reference/chat */
export function blameCohere(body: Loose, blame: Blame): void {
  onlyKeys(body, COHERE_FIELDS, blame)
  const seen = new Set<string>()
  let open: string[] = []
  let results: string[] = []
  for (const { role, content, tool_calls: calls = [], tool_call_id: id } of listIn(
    body['messages'],
    blame,
    'messages',
  )) {
    if (content === '' || (Array.isArray(content) && content.length === 0)) blame('content must not be empty')
    if (role === 'tool') {
      results.push(String(id))
      continue
    }
    needPairs(open, results, blame)
    results = []
    open = listIn(calls, blame, 'tool_calls').map((call) => {
      if (typeof call['function']?.arguments !== 'string') blame('arguments must be text')
      return String(call['id'])
    })
    needNew(open, seen, blame)
    if (!['user', 'assistant', 'system'].includes(String(role))) blame(`unknown role ${String(role)}`)
    if (role === 'assistant' && content === undefined && open.length === 0) blame('an assistant says nothing')
  }
  needPairs(open, results, blame)
}

const RESPONSES_FIELDS = new Set([
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
export function blameResponses(body: Loose, blame: Blame): void {
  onlyKeys(body, RESPONSES_FIELDS, blame)
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
