import { isBase64, listIn, needPairs, onlyKeys, type Blame, type Loose } from '../../testing/strict.ts'

const FIELDS = new Set([
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
export function blameRequest(body: Loose, blame: Blame): void {
  onlyKeys(body, FIELDS, blame)
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
