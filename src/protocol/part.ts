import { Type, type Static } from 'typebox'
import { optional } from './optional.ts'

/** Longest `data:` or `http(s):` URL we read, in characters: 20 MiB, the limit of Open Responses. */
export const IMAGE_URL_CHARS_MAX = 20 * 1024 * 1024

/** How closely the model looks at an image. */
export const ImageDetail = Type.Enum(['auto', 'low', 'high', 'original'], { $id: 'ImageDetail' })

export const InputText = Type.Object(
  { type: Type.Literal('input_text'), text: Type.String() },
  { $id: 'InputText', title: 'Text input' },
)
export type InputText = Static<typeof InputText>

export const InputImage = Type.Object(
  {
    type: Type.Literal('input_image'),
    image_url: optional(Type.String({ maxLength: IMAGE_URL_CHARS_MAX })),
    file_id: optional(Type.String()),
    detail: optional(ImageDetail),
  },
  { $id: 'InputImage', title: 'Image by URL or data URL' },
)
export type InputImage = Static<typeof InputImage>

export const InputFile = Type.Object(
  {
    type: Type.Literal('input_file'),
    file_data: optional(Type.String()),
    file_id: optional(Type.String()),
    file_url: optional(Type.String()),
    filename: optional(Type.String()),
    detail: optional(Type.Enum(['auto', 'low', 'high'])),
  },
  { $id: 'InputFile', title: 'File by data or URL' },
)
export type InputFile = Static<typeof InputFile>

/** A source that the text cites. Other kinds of annotation are carried as they are. */
export const UrlCitation = Type.Object(
  {
    type: Type.Literal('url_citation'),
    url: Type.String(),
    title: Type.String(),
    start_index: Type.Integer(),
    end_index: Type.Integer(),
  },
  { $id: 'UrlCitation' },
)
export type UrlCitation = Static<typeof UrlCitation>

export const Annotation = Type.Object({ type: Type.String() }, { $id: 'Annotation', additionalProperties: true })
export type Annotation = Static<typeof Annotation>

const TokenLogprob = {
  token: Type.String(),
  logprob: Type.Number(),
  bytes: Type.Array(Type.Integer()),
}

/** The probability of one output token and of its nearest rivals. */
export const Logprob = Type.Object(
  { ...TokenLogprob, top_logprobs: Type.Array(Type.Object(TokenLogprob)) },
  { $id: 'Logprob' },
)
export type Logprob = Static<typeof Logprob>

export const OutputText = Type.Object(
  {
    type: Type.Literal('output_text'),
    text: Type.String(),
    annotations: Type.Array(Annotation),
    logprobs: Type.Array(Logprob),
  },
  { $id: 'OutputText' },
)
export type OutputText = Static<typeof OutputText>

export const Refusal = Type.Object(
  { type: Type.Literal('refusal'), refusal: Type.String() },
  { $id: 'Refusal', title: 'Model refusal' },
)
export type Refusal = Static<typeof Refusal>

export const SummaryText = Type.Object(
  { type: Type.Literal('summary_text'), text: Type.String() },
  { $id: 'SummaryText' },
)
export type SummaryText = Static<typeof SummaryText>

export const ReasoningText = Type.Object(
  { type: Type.Literal('reasoning_text'), text: Type.String() },
  { $id: 'ReasoningText' },
)
export type ReasoningText = Static<typeof ReasoningText>

/** Text that an assistant wrote, as a client plays it back: the parts may lack what we always send. */
export const ReplayedText = Type.Object(
  {
    type: Type.Literal('output_text'),
    text: Type.String(),
    annotations: optional(Type.Array(Type.Unknown())),
    logprobs: optional(Type.Array(Type.Unknown())),
  },
  { $id: 'ReplayedText', title: 'Text output (for assistant messages)' },
)
