import { isBase64, listIn, needPairs, needText, onlyKeys, type Blame, type Loose } from '../../testing/strict.ts'

const FIELDS = new Set([
  'contents',
  'systemInstruction',
  'system_instruction',
  'tools',
  'toolConfig',
  'tool_config',
  'generationConfig',
  'generation_config',
  'safetySettings',
  'cachedContent',
  'labels',
  'serviceTier',
  'service_tier',
])

/** generateContent as its strictest server takes it. @see https://ai.google.dev/api/generate-content */
export function blameRequest(body: Loose, blame: Blame): void {
  onlyKeys(body, FIELDS, blame)
  const contents = listIn(body['contents'], blame, 'contents')
  let open: string[] = []
  for (const [index, { role, parts }] of contents.entries()) {
    if (role !== (index % 2 === 0 ? 'user' : 'model')) blame(`the content ${index} has the role ${String(role)}`)
    const all = listIn(parts, blame, 'parts')
    if (all.length === 0) blame('parts must not be empty')
    const named = (kind: string) => all.flatMap((part) => (part[kind] === undefined ? [] : [String(part[kind].name)]))
    needPairs(open, named('functionResponse'), blame)
    open = named('functionCall')
    for (const part of all) (role === 'user' ? checkUserPart : checkModelPart)(part, blame)
  }
  needPairs(open, [], blame)
  checkSignatures(contents, blame)
}

function checkUserPart(part: Loose, blame: Blame): void {
  const { text, inlineData, fileData, functionResponse, ...rest } = part
  onlyKeys(rest, new Set(['mediaResolution']), blame)
  if (text !== undefined) return needText(text, blame, 'a text part')
  if (inlineData !== undefined) {
    if (!isBase64(inlineData.data) || !/^[a-z]+\/[\w.+-]+$/.test(String(inlineData.mimeType)))
      blame('inlineData is not whole')
    return
  }
  if (fileData !== undefined) return needText(fileData.fileUri, blame, 'a file')
  if (functionResponse === undefined) return blame('an empty part')
  const { response } = functionResponse
  if (typeof response !== 'object' || response === null || Array.isArray(response))
    blame('a response must be an object')
}

function checkModelPart(part: Loose, blame: Blame): void {
  const { text, functionCall, thoughtSignature, thought, ...rest } = part
  onlyKeys(rest, new Set(), blame)
  if (thoughtSignature !== undefined) needText(thoughtSignature, blame, 'a signature')
  if (functionCall === undefined) {
    if (typeof text !== 'string' || (text === '' && thoughtSignature === undefined)) blame('a part without a word')
    if (thought === true && thoughtSignature === undefined) blame('a thought without its signature')
    return
  }
  const { name, args = {}, id } = functionCall
  if (!/^[a-zA-Z_][\w.:-]{0,63}$/.test(String(name))) blame(`the name ${String(name)} is none`)
  if (typeof args !== 'object' || args === null || Array.isArray(args)) blame('args must be an object')
  if (id !== undefined) needText(id, blame, 'the id of a call')
}

/** Since Gemini 3 the first call of each step since the user last spoke must be signed. */
function checkSignatures(contents: readonly Loose[], blame: Blame): void {
  const last = contents.findLastIndex(
    ({ role, parts }) => role === 'user' && !parts.some((part: Loose) => part['functionResponse'] !== undefined),
  )
  for (const { role, parts } of contents.slice(last + 1)) {
    const first = role === 'model' && parts.find((part: Loose) => part['functionCall'] !== undefined)
    if (first && first.thoughtSignature === undefined) blame('the first call of a step needs a signature')
  }
}
