import { runInNewContext } from 'node:vm'
import { ApiError } from '../protocol/error.ts'
import { isJsonObject, parseJson } from '../protocol/json.ts'
import type { AnyObject } from '../protocol/optional.ts'

/** Tells what keeps a text from being JSON of one schema: a sentence each, none where it is. */
export type SchemaCheck = (text: string) => readonly string[]

/** Patterns of a schema may take for ever on some texts: a check that has taken so long is given up, in milliseconds. */
const CHECK_MS_MAX = 200

/** Most faults that are told: they go back to the model. */
const FAULTS_MAX = 8

/**
 * Makes a check. The validator is loaded when it is first needed; it compiles no code from the schema.
 *
 * @throws {ApiError} 400 `invalid_json_schema`: it is no schema.
 */
export async function createSchemaCheck(schema: AnyObject): Promise<SchemaCheck> {
  const { default: validator } = await import('typebox/schema')
  const faultsOf = (value: unknown) => {
    const [isValid, errors] = validator.Errors(schema, value)
    return isValid ? [] : errors.map(({ instancePath, message }) => `${instancePath || 'the whole'} ${message}`)
  }
  try {
    JSON.stringify(schema, compilePatterns)
    faultsOf(null)
  } catch (cause) {
    throw new ApiError({
      type: 'invalid_request_error',
      code: 'invalid_json_schema',
      param: 'text.format.schema',
      message: 'text.format.schema must be a JSON Schema.',
      cause,
    })
  }
  return (text) => {
    const value = parseJson(text)
    if (value === undefined) return ['it is not JSON']
    return withinTime(() => faultsOf(value)).slice(0, FAULTS_MAX)
  }
}

/** Patterns are else compiled where a value meets them. @throws One is none. */
function compilePatterns(key: string, value: unknown): unknown {
  const patterns =
    key === 'pattern' ? [value] : key === 'patternProperties' && isJsonObject(value) ? Object.keys(value) : []
  patterns.filter((pattern) => typeof pattern === 'string').map((pattern) => new RegExp(pattern, 'u'))
  return value
}

function withinTime(check: () => readonly string[]): readonly string[] {
  try {
    // The function runs in our own context: the other one is there to be watched.
    return runInNewContext('check()', { check }, { timeout: CHECK_MS_MAX }) as readonly string[]
  } catch (error) {
    // It is made in the other context: it is no instance of our Error.
    if ((error as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
      return ['it takes too long to check: a pattern of the schema is too hard']
    }
    throw error
  }
}
