import type { RecordedRequest, Recording } from './load.ts'
import type { Lifted } from './replay.ts'

// Recordings are what clients sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/** A request to generateContent as a client of ours would have made it; or why there is none. */
export function lift({ request }: Recording & { readonly request: RecordedRequest }): Lifted {
  const reason = WHY_NOT.find(([, is]) => is(request.body, request.path))?.[0]
  if (reason !== undefined) return { reason }
  return { ours: liftBody(request.body), expected: plain(request.body), tell: (sent) => plain(sent as Loose) }
}

/** What requests ask for that Responses has no words for. */
const WHY_NOT: readonly (readonly [reason: string, is: (body: Loose, path: string) => boolean])[] = [
  ['It counts tokens.', (_, path) => path.endsWith(':countTokens')],
  ["It offers tools of Google's own.", ({ tools }) => tools?.some((tool: Loose) => !('functionDeclarations' in tool))],
  ['It sets what is filtered.', (body) => 'safetySettings' in body],
  ['It has stop sequences.', ({ generationConfig }) => 'stopSequences' in (generationConfig ?? {})],
  ['No effort stands for its budget.', (body) => body['generationConfig']?.thinkingConfig?.thinkingBudget === 128],
]

function liftBody(body: Loose): Loose {
  const { contents, systemInstruction, tools, toolConfig, generationConfig: settings = {} } = body
  const mode = toolConfig?.functionCallingConfig?.mode
  return {
    input: contents.map(liftContent),
    ...given('instructions', systemInstruction?.parts[0].text),
    ...given('tools', tools?.[0].functionDeclarations.map(liftTool)),
    ...given('tool_choice', mode?.toLowerCase()),
    ...given('max_output_tokens', settings.maxOutputTokens),
    ...given('temperature', settings.temperature),
    ...given('top_logprobs', settings.logprobs),
    ...given('text', liftFormat(settings)),
    ...given('reasoning', liftThinking(settings.thinkingConfig)),
  }
}

function given(field: string, value: unknown): Loose {
  return value === undefined ? {} : { [field]: value }
}

function liftContent({ role, parts }: Loose): Loose {
  const type = role === 'model' ? 'output_text' : 'input_text'
  const content = parts.map(({ text }: Loose) => ({ type, text }))
  return { type: 'message', role: role === 'model' ? 'assistant' : 'user', content }
}

function liftTool(tool: Loose): Loose {
  const { name, description, parametersJsonSchema: parameters } = plainTool(tool)
  return { type: 'function', name, parameters, ...given('description', description) }
}

function liftFormat({ responseJsonSchema: schema }: Loose): Loose | undefined {
  return schema === undefined ? undefined : { format: { type: 'json_schema', name: 'answer', schema } }
}

function liftThinking(config: Loose | undefined): Loose | undefined {
  if (config === undefined) return undefined
  const { includeThoughts, thinkingLevel } = plainThinking(config)
  return { effort: thinkingLevel.toLowerCase(), ...(includeThoughts === true ? { summary: 'auto' } : {}) }
}

/**
 * A body without what means the same as nothing, its names as Google's reference has them: the wire takes both
 * spellings of a name, both of a level, and one part without its list.
 */
function plain({ contents, systemInstruction, tools, generationConfig = {}, ...rest }: Loose): Loose {
  const { candidateCount: _, responseModalities: __, thinkingConfig, ...settings } = generationConfig
  return {
    ...rest,
    contents,
    system: systemInstruction?.parts,
    tools: tools?.map((tool: Loose) => ({ functionDeclarations: tool['functionDeclarations'].map(plainTool) })),
    settings: { ...settings, ...given('thinkingConfig', thinkingConfig && plainThinking(thinkingConfig)) },
  }
}

function plainThinking(config: Loose): Loose {
  const camel = (name: string) => name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => [
      camel(name),
      typeof value === 'string' ? value.toUpperCase() : value,
    ]),
  )
}

/** Parameters in either of their two spellings. */
function plainTool({ name, description, parameters, parametersJsonSchema }: Loose): Loose {
  return {
    name,
    ...(description ? { description } : {}),
    parametersJsonSchema: parametersJsonSchema ?? jsonSchema(parameters),
  }
}

/** Types as Google numbers them. */
const TYPES = ['', 'string', 'number', 'integer', 'boolean', 'array', 'object']

/** A schema of OpenAPI as one of JSON: the types have other names. */
function jsonSchema({ type, properties, ...rest }: Loose): Loose {
  const inner = Object.entries((properties ?? {}) as Record<string, Loose>)
  return {
    ...rest,
    type: typeof type === 'number' ? TYPES[type] : type.toLowerCase(),
    ...(properties === undefined
      ? {}
      : { properties: Object.fromEntries(inner.map(([key, value]) => [key, jsonSchema(value)])) }),
  }
}
