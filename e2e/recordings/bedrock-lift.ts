import type { RecordedRequest } from './load.ts'
import type { Lifted } from './replay.ts'

// Recorded requests are what somebody's client sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/** Fields and blocks that no request of ours has, and why. */
const FOREIGN: readonly (readonly [form: RegExp, why: string])[] = [
  [/"guardrailConfig":/, 'Guardrails are not offered.'],
  [/"systemTool":/, 'Tools that the provider runs itself are not offered.'],
  [/"citations":\{"enabled":true\}/, 'Citations of documents are not offered.'],
  [/"stopSequences":\["/, 'Stop sequences are not offered.'],
]

/** The request of ours that must become a recorded one. */
export function liftConverse({ body }: RecordedRequest): Lifted {
  const foreign = FOREIGN.find(([form]) => form.test(JSON.stringify(body)))
  if (foreign !== undefined) return { reason: foreign[1] }
  const { messages, system = [], inferenceConfig = {}, outputConfig, serviceTier } = body as Loose
  const { maxTokens, temperature, topP } = inferenceConfig as Loose
  const { schema, name } = outputConfig?.textFormat?.structure?.jsonSchema ?? {}
  const ours: Loose = {
    input: (messages as Loose[]).map(({ role, content }) => ({
      role: role as string,
      content: (content as Loose[]).map(({ text }) => ({ type: 'input_text', text: text as string })),
    })),
    ...(system.length === 0 ? {} : { instructions: system[0].text as string }),
    ...(maxTokens === undefined ? {} : { max_output_tokens: maxTokens as number }),
    ...(temperature === undefined ? {} : { temperature: temperature as number }),
    ...(topP === undefined ? {} : { top_p: topP as number }),
    ...(schema === undefined
      ? {}
      : { text: { format: { type: 'json_schema', name: name as string, schema: JSON.parse(schema) as unknown } } }),
    ...(serviceTier === undefined ? {} : { service_tier: serviceTier.type as string }),
  }
  return { ours, expected: plain(body), tell: (sent) => plain(sent as Loose) }
}

/** Nothing said is nothing said: an empty list, an empty object, or no field. Schemas travel as text. */
function plain(body: Loose): unknown {
  const schema = body['outputConfig']?.textFormat?.structure?.jsonSchema?.schema as string | undefined
  const entries = Object.entries({ ...body, inferenceConfig: full(body['inferenceConfig'] ?? {}) })
  const text = JSON.stringify(full(Object.fromEntries(entries)))
  return JSON.parse(schema === undefined ? text : text.replace(JSON.stringify(schema), schema)) as unknown
}

function full(object: Loose): Loose {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => !isEmpty(value)))
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
