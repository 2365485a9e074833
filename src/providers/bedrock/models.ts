import type { ReasoningEffort } from '../../protocol/create-request.ts'
import { factsOf as claudeFactsOf, type ModelFacts as ClaudeFacts } from '../anthropic/models.ts'
import { MODEL_NAME } from './tables.ts'

/** Where a cache point may stand. */
export type CachedPart = 'tools' | 'system' | 'messages' | 'results'

/** What is known of a model, by its name at Bedrock. */
export interface ModelFacts {
  /** Who made it; empty where the name does not say, as that of an application's inference profile. */
  readonly vendor: string
  /** What is known of a Claude. */
  readonly claude: ClaudeFacts | undefined
  /** The field of `additionalModelRequestFields` that says how hard to think; undefined where there is none. */
  readonly effort: 'reasoningConfig' | 'reasoning_effort' | 'reasoning' | undefined
  readonly efforts: readonly ReasoningEffort[]
  /** Whether it keeps to the JSON schema of `outputConfig`. */
  readonly schemas: boolean
  readonly caches: readonly CachedPart[]
  /** Whether calls, or results, may stand in one message with words. */
  readonly mixes: boolean
  /** Keywords that the schema of a tool must not have at its top. */
  readonly refusedKeywords: ReadonlySet<string>
}

const PLAIN: ModelFacts = {
  vendor: '',
  claude: undefined,
  effort: undefined,
  efforts: [],
  schemas: false,
  caches: [],
  mixes: true,
  refusedKeywords: new Set(),
}

/** @see https://docs.aws.amazon.com/nova/latest/userguide/prompting-tool-troubleshooting.html (read 2026-11-22) */
const NOVA: ModelFacts = {
  ...PLAIN,
  refusedKeywords: new Set(['$schema', 'description', 'title', 'additionalProperties']),
}

const LOW_TO_HIGH = ['low', 'medium', 'high'] as const

/**
 * Facts by what a model's name has in it, the first row that fits. Reasoning: langchain-ai/langchain-aws PR 1188, and
 * strands-rl/strands-env PR 258 for `reasoning`. Schemas: AWS names more models than are here; gpt-oss is not, for it
 * has been seen to leave its schema. Cache points: without tools for Nova, and not behind results. Meta: issues
 * strands-agents/harness-sdk 1223, quarkiverse/quarkus-langchain4j 1983.
 *
 * @see https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html (read 2026-11-22)
 * @see https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html (read 2026-11-22)
 * @see https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html (read 2026-11-22)
 */
const MODELS: readonly (readonly [name: RegExp, facts: ModelFacts])[] = [
  [/amazon\.nova-2/, { ...NOVA, effort: 'reasoningConfig', efforts: ['none', ...LOW_TO_HIGH] }],
  [/amazon\.nova-(?:micro|lite|pro|premier)/, { ...NOVA, caches: ['system', 'messages'] }],
  [/openai\.gpt-oss/, { ...PLAIN, effort: 'reasoning_effort', efforts: LOW_TO_HIGH }],
  [/openai\./, { ...PLAIN, effort: 'reasoning', efforts: ['none', ...LOW_TO_HIGH, 'xhigh'] }],
  [/moonshot(?:ai)?\.kimi-k2/, { ...PLAIN, effort: 'reasoning_effort', efforts: LOW_TO_HIGH, schemas: true }],
  [/qwen\.qwen3|deepseek\.v3\.2|zai\.glm-5/, { ...PLAIN, schemas: true }],
  [/meta\./, { ...PLAIN, mixes: false }],
]

/** Claudes without cache points. */
const UNCACHED_CLAUDE = /claude-(?:v2|instant|3-opus|3-sonnet|3-haiku|3-5-sonnet)/

/** Claudes of before version 3 have names of another form. */
const EARLY_CLAUDE = /claude-(?:v2|instant)/

/** What is known of a model. */
export function factsOf(model: string): ModelFacts {
  const vendor = MODEL_NAME.exec(model)?.[1] ?? ''
  if (vendor === 'anthropic') return { ...claude(model), vendor }
  const facts = MODELS.find(([name]) => name.test(model))?.[1] ?? PLAIN
  return { ...facts, vendor }
}

function claude(model: string): ModelFacts {
  const known = EARLY_CLAUDE.test(model) ? 'claude-3-haiku' : model.replace(/-v\d+(?::\d+)*(?::\d+k)?$/, '')
  const facts = claudeFactsOf(known)
  return {
    ...PLAIN,
    claude: facts,
    schemas: facts.schemas,
    caches: UNCACHED_CLAUDE.test(model) ? [] : ['tools', 'system', 'messages', 'results'],
  }
}
