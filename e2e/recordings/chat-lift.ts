import type { RecordedRequest, Recording } from './load.ts'
import type { Lifted } from './replay.ts'

// Recordings are what clients sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/**
 * A request to Chat Completions as a client of ours would have made it; or why there is none.
 *
 * @param dialect The one that the recorded provider speaks: what means the same depends on it.
 */
export function lift({ request }: Recording & { readonly request: RecordedRequest }, dialect: string): Lifted {
  const body = given(request.body)
  const reason = WHY_NOT.find(([, is]) => is(body, dialect))?.[0]
  if (reason !== undefined) return { reason }
  const known = { dialect, asksUsage: body['stream'] === true && 'stream_options' in body }
  const expected = { ...body, messages: body['messages'].map(EXPECTED_MESSAGE[dialect] ?? same) }
  return {
    ours: liftBody(body),
    expected: plain({ ...expected, model: modelOf(request) }, known),
    tell: (sent) => plain(sent as Loose, known),
  }
}

/** The model that a request names: on Azure's older paths it is the deployment, and need not stand in the body. */
export function modelOf({ path, body }: RecordedRequest): string {
  const { model } = body
  return typeof model === 'string' ? model : (/\/deployments\/([^/]+)\//.exec(path)?.[1] ?? '')
}

const same = (message: Loose): Loose => message

/** What our request may have in a message more than the recorded one, and means nothing. */
const EXPECTED_MESSAGE: Readonly<Record<string, (message: Loose) => Loose>> = {
  // To DeepSeek thinking that is empty is none, and has to stand in every turn as soon as the model thinks.
  deepseek: (message) => (message['role'] === 'assistant' ? { reasoning_content: '', ...message } : message),
}

const partsOf = (body: Loose): Loose[] =>
  body['messages'].flatMap((message: Loose) => (Array.isArray(message['content']) ? message['content'] : []))

/** What requests ask for that Responses has no words for, or the dialect none. */
const WHY_NOT: readonly (readonly [reason: string, is: (body: Loose, dialect: string) => boolean])[] = [
  ['It is malformed on purpose.', (body) => partsOf(body).some((part) => !('type' in part))],
  ['It asks for several answers.', (body) => body['n'] > 1],
  ['It has stop sequences.', (body) => 'stop' in body],
  ['It brings audio.', (body) => partsOf(body).some(({ type }) => type === 'input_audio')],
  ['It offers functions, as before there were tools.', (body) => 'functions' in body],
  ["It offers tools of the provider's own.", (body) => toolsOf(body).some(({ type }) => type !== 'function')],
  ["It has a switch of the provider's own.", (body) => 'plugins' in body || 'enable_thinking' in body],
  ['It asks for fewer tokens than Responses allows.', (body) => limitOf(body) < 16],
  ['It asks Ollama for log probabilities, and got none.', (body, dialect) => dialect === 'ollama' && body['logprobs']],
  [
    'It gives thinking back, which takes a turn before it: see e2e/providers/chat-thinking.test.ts.',
    (body) => thinks(body),
  ],
]

const thinks = ({ messages }: Loose): boolean => messages.some((message: Loose) => thinkingOf(message) !== undefined)
const toolsOf = (body: Loose): Loose[] => body['tools'] ?? []
const limitOf = (body: Loose): number => body['max_completion_tokens'] ?? body['max_tokens']
const thinkingOf = (message: Loose): string | undefined => message['reasoning_content'] ?? message['reasoning']

function liftBody(body: Loose): Loose {
  const { tools, tool_choice: choice, response_format: format, messages } = body
  const [first] = messages
  const isLed = first.role === 'system' // As a client of ours does it, who has a field for it.
  return {
    ...(isLed ? { instructions: first.content } : {}),
    input: messages.slice(isLed ? 1 : 0).flatMap(liftMessage),
    max_output_tokens: limitOf(body),
    seed: body['seed'] ?? body['random_seed'],
    temperature: body['temperature'],
    top_p: body['top_p'],
    presence_penalty: body['presence_penalty'],
    frequency_penalty: body['frequency_penalty'],
    user: body['user'],
    parallel_tool_calls: body['parallel_tool_calls'],
    reasoning: { effort: body['reasoning_effort'] ?? body['reasoning']?.effort },
    ...(tools === undefined ? {} : { tools: tools.map(liftTool) }),
    ...(choice === undefined ? {} : { tool_choice: liftChoice(choice) }),
    ...(format === undefined ? {} : { text: { format: { type: format.type, ...format.json_schema } } }),
    ...(body['logprobs'] === true ? { include: ['message.output_text.logprobs'] } : {}),
  }
}

function liftMessage({ role, content, tool_calls: calls = [], tool_call_id: id }: Loose): Loose[] {
  if (role === 'tool') return [{ type: 'function_call_output', call_id: id, output: content }]
  if (role !== 'assistant') return [{ role, content: Array.isArray(content) ? content.map(liftPart) : content }]
  const words = textOf(content)
  return [
    ...(words === '' ? [] : [{ role, content: words }]),
    ...calls.map(({ id: callId, function: called }: Loose) => ({ type: 'function_call', call_id: callId, ...called })),
  ]
}

/** What an assistant has said is text in all that is recorded. */
function textOf(content: string | readonly Loose[] = ''): string {
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('')
}

function liftPart({ type, text, image_url: image }: Loose): Loose {
  return type === 'text' ? { type: 'input_text', text } : { type: 'input_image', image_url: image.url }
}

function liftTool({ function: called }: Loose): Loose {
  return { type: 'function', ...called }
}

function liftChoice(choice: Loose | string): unknown {
  if (typeof choice === 'object') return { type: 'function', name: choice['function'].name }
  return choice === 'any' ? 'required' : choice
}

/** What has to be known of the recorded request to tell what means the same. */
interface Known {
  readonly dialect: string
  /** Whether it is streamed, and asks how many tokens that takes. */
  readonly asksUsage: boolean
}

/** A body without what means the same as nothing, and with one spelling for what has several. */
function plain(body: Loose, { dialect, asksUsage }: Known): Loose {
  // The server always streams, and wants to know the usage of it: its affair, unless the recorded client did the same.
  const { stream: _stream, stream_options: options, parallel_tool_calls: isParallel, n: _one, messages, ...rest } = body
  const tools = toolsOf(body).map(plainTool)
  return {
    ...(EQUIVALENT[dialect] ?? same)(rest),
    messages: messages.map(plainMessage),
    tools,
    isParallel: tools.length === 0 ? undefined : isParallel, // Without tools there is nothing to call at once.
    stream_options: asksUsage ? options : undefined,
  }
}

/** What means the same to one provider, each from its reference (read 2026-11-22). */
const EQUIVALENT: Readonly<Record<string, (body: Loose) => Loose>> = {
  // Those have replaced `max_tokens` by `max_completion_tokens`, and take both.
  azure: oneLimit,
  cerebras: oneLimit,
  groq: oneLimit,
  xai: oneLimit,
  'llama.cpp': oneLimit, // It takes the newer name since 2026-02, as another word for the older.
  openrouter({ usage: _always, reasoning_effort: effort, ...body }) {
    // It always tells the usage, asked or not, and reads OpenAI's spelling of the effort like its own.
    return oneLimit(effort === undefined ? body : { reasoning: { effort }, ...body })
  },
  mistral({ safe_prompt: isSafe = false, tool_choice: choice, ...body }) {
    // No prompt is added unless one asks for it; `required` was taken over from OpenAI beside `any`.
    return { ...body, isSafe, choice: choice === 'any' ? 'required' : choice }
  },
  // It has no seed: what is unknown to it means nothing.
  zai: ({ seed: _unknown, ...body }) => body,
}

function oneLimit({ max_tokens: older, max_completion_tokens: newer, ...body }: Loose): Loose {
  return { ...body, limit: newer ?? older }
}

function plainMessage({ content, tool_calls: calls = [], cache_control: _mark, ...message }: Loose): Loose {
  const [only, ...others] = Array.isArray(content) ? content : []
  const isText = only?.type === 'text' && others.length === 0 // One text is the same as a part or by itself.
  return {
    ...message, // Without marks of what to cache, which change nothing of what is said.
    content: (isText ? only.text : content) ?? '', // Nothing is said beside calls: null, no field, or no letter.
    // Whoever gathers a stream may leave the places in it standing: a request has the order alone.
    tool_calls: calls.map(({ index: _place, ...call }: Loose) => call),
  }
}

/** Some clients say the name twice. */
function plainTool({ name, ...tool }: Loose): Loose {
  return name === undefined || name === tool['function'].name ? tool : { name, ...tool }
}

/** A field that is null is one that was not given: OpenAI's reference says so, and some libraries send all of them. */
function given(body: Loose): Loose {
  const clean = (object: Loose) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null))
  return { ...clean(body), messages: body['messages'].map(clean) }
}
