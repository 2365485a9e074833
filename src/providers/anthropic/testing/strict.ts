import {
  isBase64,
  listIn,
  needNew,
  needPairs,
  needText,
  onlyKeys,
  type Blame,
  type Loose,
} from '../../testing/strict.ts'

const FIELDS = new Set([
  'model',
  'messages',
  'max_tokens',
  'system',
  'stream',
  'tools',
  'tool_choice',
  'temperature',
  'top_p',
  'metadata',
  'thinking',
  'output_config',
  'output_format',
  'service_tier',
  'cache_control',
])

/** Messages as its strictest server takes it. @see https://docs.claude.com/en/api/messages */
export function blameRequest(body: Loose, blame: Blame): void {
  onlyKeys(body, FIELDS, blame)
  if (!(Number(body['max_tokens']) >= 1)) blame('max_tokens is needed')
  const messages = listIn(body['messages'], blame, 'messages')
  const seen = new Set<string>()
  let open: string[] = []
  let hasCalls = false
  for (const [index, { role, content }] of messages.entries()) {
    if (role !== (index % 2 === 0 ? 'user' : 'assistant')) blame(`the message ${index} has the role ${String(role)}`)
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : listIn(content, blame, 'content')
    if (blocks.length === 0) blame('content must not be empty')
    const results = blocks.filter((block: Loose) => block['type'] === 'tool_result')
    if (blocks.slice(0, results.length).some((block: Loose) => block['type'] !== 'tool_result')) {
      blame('results must come first')
    }
    needPairs(
      open,
      results.map((block: Loose) => String(block['tool_use_id'])),
      blame,
    )
    open = blocks.filter((block: Loose) => block['type'] === 'tool_use').map((block: Loose) => String(block['id']))
    hasCalls ||= open.length > 0
    needNew(open, seen, blame)
    for (const block of blocks) (role === 'user' ? checkUserBlock : checkAssistantBlock)(block, blame)
  }
  needPairs(open, [], blame)
  if (hasCalls && !(body['tools']?.length > 0)) blame('tools must be defined where calls are shown')
  if (messages.at(-1)?.['role'] !== 'user') blame('the last message must be the user’s')
}

function checkUserBlock(block: Loose, blame: Blame): void {
  const { type, text, source, content } = block
  if (type === 'text') return needText(text, blame, 'a text block')
  if (type === 'image' || type === 'document') return checkSource(source, blame)
  if (type !== 'tool_result') return blame(`a user has no ${String(type)}`)
  if (typeof content === 'string' || content === undefined) return
  for (const part of listIn(content, blame, 'a result')) checkUserBlock(part, blame)
}

function checkSource(source: Loose, blame: Blame): void {
  if (source['type'] === 'url') return needText(source['url'], blame, 'a URL')
  if (source['type'] !== 'base64' || !isBase64(source['data'])) blame('a source must hold base64')
}

function checkAssistantBlock(block: Loose, blame: Blame): void {
  const { type, text, id, name, input, signature, thinking, data } = block
  if (type === 'text') return needText(text, blame, 'a text block')
  if (type === 'thinking') {
    if (typeof thinking !== 'string' || typeof signature !== 'string' || signature === '')
      blame('thinking needs its signature')
    return
  }
  if (type === 'redacted_thinking') return needText(data, blame, 'redacted thinking')
  if (type !== 'tool_use') return blame(`an assistant has no ${String(type)}`)
  if (!/^[a-zA-Z0-9_-]+$/.test(String(id))) blame(`the call id ${String(id)} has foreign letters`)
  if (!/^[a-zA-Z0-9_-]{1,128}$/.test(String(name))) blame(`the tool name ${String(name)} has foreign letters`)
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    blame('the input of a call must be an object')
}
