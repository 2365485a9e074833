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
  'messages',
  'system',
  'inferenceConfig',
  'toolConfig',
  'additionalModelRequestFields',
  'performanceConfig',
  'serviceTier',
  'requestMetadata',
  'outputConfig',
  'modelId',
])

/** Converse as its strictest model takes it. @see https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html */
export function blameRequest(body: Loose, blame: Blame): void {
  onlyKeys(body, FIELDS, blame)
  const seen = new Set<string>()
  let open: string[] = []
  let hasCalls = false
  const messages = listIn(body['messages'], blame, 'messages')
  for (const [index, { role, content }] of messages.entries()) {
    if (role !== (index % 2 === 0 ? 'user' : 'assistant')) blame(`the message ${index} has the role ${String(role)}`)
    const blocks = listIn(content, blame, 'content')
    if (blocks.length === 0) blame('content must not be empty')
    needPairs(open, idsOf(blocks, 'toolResult'), blame)
    open = idsOf(blocks, 'toolUse')
    hasCalls ||= open.length > 0
    needNew(open, seen, blame)
    for (const block of blocks) checkBlock(block, String(role), blame)
  }
  needPairs(open, [], blame)
  if (hasCalls && !(body['toolConfig']?.tools?.length > 0)) blame('toolConfig must be defined where calls are shown')
  if (messages.at(-1)?.['role'] !== 'user') blame('the last message must be the user’s')
}

function idsOf(blocks: readonly Loose[], kind: string): string[] {
  return blocks.flatMap((block) => (block[kind] === undefined ? [] : [String(block[kind].toolUseId)]))
}

function checkBlock(block: Loose, role: string, blame: Blame): void {
  const [kind = '', ...others] = Object.keys(block)
  const value: Loose = block[kind]
  if (others.length > 0) blame(`a block is one of ${kind}, ${others.join(', ')}`)
  const allowed =
    role === 'user'
      ? ['text', 'image', 'document', 'toolResult', 'cachePoint']
      : ['text', 'toolUse', 'reasoningContent', 'cachePoint']
  if (!allowed.includes(kind)) blame(`the ${role} has no ${kind}`)
  if (kind === 'text') needText(value, blame, 'a text block')
  if (kind === 'image' && !isBase64(value['source']?.bytes)) blame('an image must hold bytes')
  if (kind === 'document' && !/^[\w \-()[\]]+$/.test(String(value['name']))) blame('a document needs a plain name')
  if (kind === 'toolUse') checkCall(value, blame)
  if (kind === 'toolResult')
    for (const part of listIn(value['content'], blame, 'a result')) checkResultPart(part, blame)
  if (kind === 'reasoningContent' && !value['reasoningText']?.signature && !isBase64(value['redactedContent'])) {
    blame('reasoning needs its signature')
  }
}

function checkCall({ toolUseId, name, input }: Loose, blame: Blame): void {
  if (!/^[a-zA-Z0-9_-]{1,64}$/.test(String(toolUseId))) blame(`the call id ${String(toolUseId)} has foreign letters`)
  if (!/^[a-zA-Z0-9_-]{1,64}$/.test(String(name))) blame(`the tool name ${String(name)} has foreign letters`)
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    blame('the input of a call must be an object')
}

function checkResultPart(part: Loose, blame: Blame): void {
  const [kind = ''] = Object.keys(part)
  if (!['text', 'json', 'image', 'document'].includes(kind)) blame(`a result has no ${kind}`)
}
