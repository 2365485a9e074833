import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { CreateRequest } from '../../src/protocol/create-request.ts'

/** Names by which other gateways let a request steer the call, or keep their books. */
const STEERING = words(`
  api_base base_url baseURL api_key api_version api_type organization project extra_headers extra_body
  extra_query headers proxy proxies url endpoint host azure_endpoint azure_ad_token custom_llm_provider
  provider deployment_id mock_response mock_tool_calls fallbacks num_retries timeout request_timeout
  ssl_verify client cache no-log callbacks vertex_credentials vertex_ai_credentials vertex_project
  aws_access_key_id aws_bedrock_runtime_endpoint credentials token secret_fields user_api_key
  user_api_key_dict litellm_params litellm_metadata proxy_server_request allowed_routes permissions role_arn
  tenant_id _account_id account_id account owner user_id team_id is_admin scopes __proto__ constructor
  prototype messages n logit_bias functions
`)

/** Fields of the API below the top level. */
const NESTED = words(`
  type id status role content text name call_id arguments output namespace tools format effort summary
  generate_summary verbosity description parameters strict execution phase detail include_obfuscation schema
  json_schema refusal mode
`)

/** Those, and every name of an internal shape in the source: none may be given from outside. */
export async function internalNames(): Promise<string[]> {
  const files = globSync('src/{accounts,config,core,engine,http,providers,store}/**/*.ts', {
    exclude: (file) => file.includes('test'),
  })
  const sources = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  const names = sources.flatMap((text) =>
    [...text.matchAll(/^ {2,}(?:readonly )?([A-Za-z_]\w*)\??: /gm)].map(([, name]) => name ?? ''),
  )
  const asked = new Set([...Object.keys(CreateRequest.properties), ...NESTED])
  return [...new Set([...STEERING, ...names])].filter((name) => !asked.has(name))
}

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}
