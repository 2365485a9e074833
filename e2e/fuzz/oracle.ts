import { Ajv2020 } from 'ajv/dist/2020.js'
import api from '../../openapi.json' with { type: 'json' }

/** What a validator that is not ours makes of a body. */
export type Verdict = 'not JSON' | 'not the schema' | 'valid'

/** Judges bodies of POST /responses by the schema in openapi.json. */
export function createOracle(depthMax: number): (body: Uint8Array) => Verdict {
  const ajv = new Ajv2020({ strict: false })
  ajv.addSchema({ $id: 'api', components: api.components })
  const check = ajv.compile({ $ref: 'api#/components/schemas/CreateRequest' })
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  return (body) => {
    let value: unknown
    try {
      value = JSON.parse(decoder.decode(body))
    } catch {
      return 'not JSON'
    }
    if (depthOf(value) > depthMax) return 'not JSON'
    return check(value) ? 'valid' : 'not the schema'
  }
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

/** Refusals of what is valid by the schema: rules about several fields, references, and what things are. */
const RULES: readonly (readonly [code: string, param: RegExp])[] = [
  ['unsupported_combination', /^(?:stream|store)$/],
  ['unsupported_parameter', /^(?:conversation|prompt)$/],
  ['unsupported_tool', /^tools\[\d+\]\.type$/],
  ['model_not_found', /^model$/],
  ['invalid_response_id', /^previous_response_id$/],
  ['previous_response_not_found', /^previous_response_id$/],
  ['previous_response_not_ready', /^previous_response_id$/],
  ['item_not_found', /^input\[\d+\]\.id$/],
  ['file_not_found', /\.file_id$/],
  ['invalid_image', /(?:content|output)\[\d+\](?:\.image_url)?$/],
  ['invalid_image_url', /\.image_url$/],
  ['invalid_file_url', /\.file_url$/],
  ['missing_required_parameter', /(?:content|output)\[\d+\]$/],
  ['invalid_value', /^(?:input|tool_choice|tools\[\d+\]\.name)$/],
]

/** Whether a refusal is one that the schema cannot foresee. */
export function isRule(code: string, param: string): boolean {
  return RULES.some(([known, form]) => known === code && form.test(param))
}
