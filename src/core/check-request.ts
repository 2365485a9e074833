import { ApiError, badRequest } from '../protocol/error.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import { parseResponseId, type ResponseId } from '../protocol/id.ts'
import { isMessage, type InputItem, type UserPart } from '../protocol/input-item.ts'
import type { Tool } from '../protocol/tool.ts'
import { imageUrlFault, webUrlFault } from './image.ts'

/**
 * The rules that one field alone cannot break: combinations, contents, references.
 *
 * @param allowBackgroundStream Whether `background` and `stream` may go together (configuration).
 * @throws {ApiError} The first rule broken.
 */
export function checkRequest(request: CreateRequest, allowBackgroundStream: boolean): void {
  if (request.input.length === 0 && request.previous_response_id == null) {
    throw badRequest('invalid_value', 'input', 'input must not be empty, unless previous_response_id is given.')
  }
  for (const field of ['conversation', 'prompt'] as const) {
    if (request[field] == null) continue
    throw badRequest('unsupported_parameter', field, `${field} is not supported: send its items in input.`)
  }
  if (request.background === true) checkBackground(request, allowBackgroundStream)
  checkTools(request.tools ?? [])
  if (typeof request.input !== 'string') request.input.forEach(checkItem)
}

/**
 * Reads an id that a client sent.
 *
 * @throws {ApiError} 400 `invalid_response_id`.
 */
export function readResponseId(text: string, param: string): ResponseId {
  const id = parseResponseId(text)
  if (id !== undefined) return id
  throw badRequest('invalid_response_id', param, `${param} must be a response id: resp_ and 1 to 64 characters.`)
}

function checkBackground(request: CreateRequest, allowStream: boolean): void {
  if (request.stream === true && !allowStream) {
    throw badRequest(
      'unsupported_combination',
      'stream',
      'background cannot be combined with stream: poll the response, or read it with GET /responses/{id}?stream=true.',
    )
  }
  if (request.store === false) {
    throw badRequest(
      'unsupported_combination',
      'store',
      'background needs store: true, because polling reads the store.',
    )
  }
}

/** Codex offers web search beside tools of its own; alone it would be a promise that we cannot keep. */
function checkTools(tools: readonly Tool[]): void {
  const index = tools.findIndex(isWebSearch)
  if (index === -1 || tools.some((tool) => !isWebSearch(tool))) return
  const param = `tools[${index}].type`
  throw badRequest(
    'unsupported_tool',
    param,
    `${param} ${tools[index]?.type ?? ''} is not supported yet: use function tools.`,
  )
}

/** Whether a tool is the hosted web search. */
export function isWebSearch(tool: Tool): boolean {
  return tool.type === 'web_search' || tool.type === 'web_search_2025_08_26'
}

function checkItem(item: InputItem, index: number): void {
  const path = `input[${index}]`
  if (isMessage(item) && item.role !== 'assistant' && typeof item.content !== 'string') {
    item.content.forEach((part, place) => checkPart(part, `${path}.content[${place}]`))
  }
  // What other tools have put out is of other parts.
  const isResult = item.type === 'function_call_output' || item.type === 'custom_tool_call_output'
  if (isResult && typeof item.output !== 'string') {
    item.output.forEach((part, place) => checkPart(part, `${path}.output[${place}]`))
  }
}

function checkPart(part: UserPart, path: string): void {
  if (part.type === 'input_text') return
  if (part.file_id != null) {
    if (part.type === 'input_image' && part.image_url != null) {
      throw badRequest('invalid_image', path, `${path} must have image_url or file_id, not both.`)
    }
    throw badRequest(
      'file_not_found',
      `${path}.file_id`,
      `${path}.file_id names no file: this server stores none. Send the data itself.`,
    )
  }
  if (part.type === 'input_image') checkImage(part.image_url ?? undefined, path)
  else checkFile(part, path)
}

function checkImage(url: string | undefined, path: string): void {
  if (url === undefined) throw badRequest('invalid_image', path, `${path} must have image_url or file_id.`)
  const fault = imageUrlFault(url)
  if (fault === undefined) return
  const param = `${path}.image_url`
  throw new ApiError({ type: 'invalid_request_error', code: fault.code, param, message: `${param} ${fault.message}.` })
}

function checkFile(part: Extract<UserPart, { type: 'input_file' }>, path: string): void {
  if (part.file_url == null) {
    if (part.file_data != null) return
    throw badRequest('missing_required_parameter', path, `${path} must have file_data or file_url.`)
  }
  const fault = webUrlFault(part.file_url, { code: 'invalid_file_url', message: 'must be an https or http URL' })
  if (fault === undefined) return
  const param = `${path}.file_url`
  throw badRequest(fault.code, param, `${param} ${fault.message}.`)
}
