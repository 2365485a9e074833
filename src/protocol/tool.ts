import { Type, type Static } from 'typebox'
import { AnyObject, optional, tagged } from './optional.ts'

/** Function and tool names: what every provider accepts. */
export const TOOL_NAME_PATTERN = '^[a-zA-Z0-9_.-]+$'

/** Longest tool name, in characters (OpenAI's limit for a request). */
export const TOOL_NAME_CHARS_MAX = 128

const Name = Type.String({ minLength: 1, maxLength: TOOL_NAME_CHARS_MAX, pattern: TOOL_NAME_PATTERN })

export const FunctionTool = Type.Object(
  {
    type: Type.Literal('function'),
    name: Name,
    description: optional(Type.String()),
    parameters: optional(AnyObject),
    strict: optional(Type.Boolean()),
  },
  { $id: 'FunctionTool' },
)
export type FunctionTool = Static<typeof FunctionTool>

/** A tool whose input is free text, such as a patch. Offered upstream as a function of one string. */
export const CustomTool = Type.Object(
  {
    type: Type.Literal('custom'),
    name: Name,
    description: optional(Type.String()),
    format: optional(AnyObject),
  },
  { $id: 'CustomTool' },
)
export type CustomTool = Static<typeof CustomTool>

const NamespaceMember = tagged([FunctionTool, CustomTool], { unknownCode: 'unsupported_tool' })

/** Tools under a common name. Offered upstream as `namespace__name`. */
export const NamespaceTool = Type.Object(
  {
    type: Type.Literal('namespace'),
    name: Name,
    description: optional(Type.String()),
    tools: Type.Array(NamespaceMember),
  },
  { $id: 'NamespaceTool' },
)
export type NamespaceTool = Static<typeof NamespaceTool>

/** A search for further tools that the client runs. Offered upstream as a function. */
export const ToolSearchTool = Type.Object(
  {
    type: Type.Literal('tool_search'),
    execution: optional(Type.Enum(['server', 'client'])),
    description: optional(Type.String()),
    parameters: optional(AnyObject),
  },
  { $id: 'ToolSearchTool' },
)
export type ToolSearchTool = Static<typeof ToolSearchTool>

/**
 * Web search as Codex offers it beside its own tools: left out with a warning there, refused where
 * it is the only tool (see the engine).
 */
export const WebSearchTool = Type.Object(
  { type: Type.Enum(['web_search', 'web_search_2025_08_26']) },
  { $id: 'WebSearchTool' },
)
export type WebSearchTool = Static<typeof WebSearchTool>

export const Tool = tagged([FunctionTool, CustomTool, NamespaceTool, ToolSearchTool, WebSearchTool], {
  $id: 'Tool',
  unknownCode: 'unsupported_tool',
})
export type Tool = Static<typeof Tool>

const NamedChoice = Type.Object({ type: Type.Enum(['function', 'custom']), name: Type.String({ minLength: 1 }) })

/** Limits the model to some of the tools offered. */
export const AllowedTools = Type.Object({
  type: Type.Literal('allowed_tools'),
  mode: Type.Enum(['auto', 'required']),
  tools: Type.Array(Type.Object({ type: Type.String(), name: Type.Optional(Type.String()) }), {
    minItems: 1,
    maxItems: 128,
  }),
})

/** How the model should use tools. */
export const ToolChoice = Type.Union(
  [Type.Enum(['auto', 'none', 'required']), tagged([NamedChoice, AllowedTools], { unknownCode: 'invalid_value' })],
  { $id: 'ToolChoice' },
)
export type ToolChoice = Static<typeof ToolChoice>
