import { Type, type Static } from 'typebox'
import { AnyObject, optional, tagged } from './optional.ts'

const SchemaName = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9_-]+$' })

const PlainText = Type.Object({ type: Type.Literal('text') }, { $id: 'TextFormatText' })

const JsonObjectFormat = Type.Object({ type: Type.Literal('json_object') }, { $id: 'TextFormatJsonObject' })

/** A JSON Schema that the answer must satisfy, in the flat shape: the one that we echo. */
export const JsonSchemaFormat = Type.Object(
  {
    type: Type.Literal('json_schema'),
    name: SchemaName,
    schema: AnyObject,
    description: optional(Type.String()),
    strict: optional(Type.Boolean()),
  },
  { $id: 'TextFormatJsonSchema' },
)
export type JsonSchemaFormat = Static<typeof JsonSchemaFormat>

/** The same in the nested shape of the API document (that of Chat Completions). */
export const NestedJsonSchemaFormat = Type.Object(
  {
    type: Type.Literal('json_schema'),
    json_schema: Type.Object({
      name: SchemaName,
      schema: AnyObject,
      description: optional(Type.String()),
      strict: optional(Type.Boolean()),
    }),
  },
  { $id: 'TextFormatJsonSchemaNested' },
)
export type NestedJsonSchemaFormat = Static<typeof NestedJsonSchemaFormat>

/** A format as a client asks for it. */
export const RequestedTextFormat = tagged([PlainText, JsonObjectFormat, NestedJsonSchemaFormat, JsonSchemaFormat], {
  $id: 'RequestedTextFormat',
  unknownCode: 'invalid_value',
})
export type RequestedTextFormat = Static<typeof RequestedTextFormat>

/** A format as we echo it. */
export const TextFormat = tagged([PlainText, JsonObjectFormat, JsonSchemaFormat], {
  $id: 'TextFormat',
  unknownCode: 'invalid_value',
})
export type TextFormat = Static<typeof TextFormat>

/** How long the answer should be. */
export const Verbosity = Type.Enum(['low', 'medium', 'high'], { $id: 'Verbosity' })
export type Verbosity = Static<typeof Verbosity>
