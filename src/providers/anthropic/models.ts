import type { ReasoningEffort } from '../../protocol/create-request.ts'

/** What is known of a model: what it takes, and what it refuses with an error. */
export interface ModelFacts {
  /** Most tokens of an answer: what is asked for where the client gives no limit, for the wire wants one. */
  readonly maxTokens: number
  /** How it is made to think: by a budget of tokens, as much as it sees fit, or not at all. */
  readonly thinking: 'budget' | 'adaptive' | 'none'
  /** How it is made not to think; undefined where it does not unless asked, null where it always does. */
  readonly off: 'disabled' | 'between_tools' | null | undefined
  /** Efforts of models that think adaptively. */
  readonly efforts: readonly ReasoningEffort[]
  /** Its thinking comes without its text unless the text is asked for. */
  readonly hidesThinking: boolean
  /** `temperature` and `top_p`: both, one of them, or neither but in their default. */
  readonly sampling: 'both' | 'one' | 'none'
  /** Whether it can be made to call a tool. */
  readonly canBeForced: boolean
  /** Whether it keeps to a JSON schema, in its answer and in the arguments of strict tools. */
  readonly schemas: boolean
  /** Its thinking is of use only as long as nothing before it has changed. */
  readonly bindsThinking: boolean
}

const LOW_TO_MAX = ['low', 'medium', 'high', 'max'] as const
const LOW_TO_XHIGH_TO_MAX = ['low', 'medium', 'high', 'xhigh', 'max'] as const

/** Claude 3: no thinking. */
const CLAUDE_3: ModelFacts = {
  maxTokens: 4096,
  thinking: 'none',
  off: undefined,
  efforts: [],
  hidesThinking: false,
  sampling: 'both',
  canBeForced: true,
  schemas: false,
  bindsThinking: false,
}
const CLAUDE_4: ModelFacts = { ...CLAUDE_3, maxTokens: 64_000, thinking: 'budget' }
const CLAUDE_4_1: ModelFacts = { ...CLAUDE_4, maxTokens: 32_000, sampling: 'one' }
const CLAUDE_4_5: ModelFacts = { ...CLAUDE_4, sampling: 'one', schemas: true }
const CLAUDE_4_6: ModelFacts = { ...CLAUDE_4_5, maxTokens: 128_000, thinking: 'adaptive', efforts: LOW_TO_MAX }
const CLAUDE_4_7: ModelFacts = { ...CLAUDE_4_6, efforts: LOW_TO_XHIGH_TO_MAX, hidesThinking: true, sampling: 'none' }
const CLAUDE_5: ModelFacts = { ...CLAUDE_4_7, off: 'disabled' }
/** Fable and Mythos think always. */
const FABLE_5: ModelFacts = { ...CLAUDE_4_7, off: null }
const FABLE_5_1: ModelFacts = { ...FABLE_5, canBeForced: false, bindsThinking: true }

/**
 * Facts by the name of the model, without `claude-` and its date.
 *
 * @see https://platform.claude.com/docs/en/models/overview (read 2026-11-22)
 * @see https://platform.claude.com/docs/en/api/errors (read 2026-11-22)
 * @see https://platform.claude.com/docs/en/build-with-claude/effort (read 2026-11-22)
 * @see https://platform.claude.com/docs/en/build-with-claude/preserved-thinking (read 2026-11-22)
 * @see https://platform.claude.com/docs/en/build-with-claude/structured-outputs (read 2026-11-22)
 */
const MODELS: ReadonlyMap<string, ModelFacts> = new Map([
  ['fable-5-1', FABLE_5_1],
  ['fable-5-2', FABLE_5_1],
  ['mythos-5-1', FABLE_5_1],
  ['mythos-5-2', FABLE_5_1],
  ['fable-5', FABLE_5],
  ['mythos-5', FABLE_5],
  ['mythos-preview', { ...FABLE_5, canBeForced: false }],
  ['opus-5-5', FABLE_5_1],
  ['sonnet-5-5', { ...FABLE_5_1, off: 'between_tools' }],
  ['haiku-5-5', { ...CLAUDE_5, bindsThinking: true }],
  ['opus-5', CLAUDE_5],
  ['sonnet-5', CLAUDE_5],
  ['opus-4-8', CLAUDE_4_7],
  ['opus-4-7', CLAUDE_4_7],
  ['opus-4-6', CLAUDE_4_6],
  ['sonnet-4-6', CLAUDE_4_6],
  ['opus-4-5', CLAUDE_4_5],
  ['sonnet-4-5', CLAUDE_4_5],
  ['haiku-4-5', CLAUDE_4_5],
  ['opus-4-1', CLAUDE_4_1],
  ['opus-4', { ...CLAUDE_4_1, sampling: 'both' }],
  ['sonnet-4', CLAUDE_4],
  ['3-7-sonnet', CLAUDE_4],
  ['3-5-sonnet', { ...CLAUDE_3, maxTokens: 8192 }],
  ['3-5-haiku', { ...CLAUDE_3, maxTokens: 8192 }],
  ['3-opus', CLAUDE_3],
  ['3-sonnet', CLAUDE_3],
  ['3-haiku', CLAUDE_3],
])

/** A Claude that is newer than this table: as the newest, but that nothing is refused on its behalf. */
const NEW_CLAUDE: ModelFacts = {
  ...FABLE_5_1,
  maxTokens: 64_000,
  off: 'disabled',
  sampling: 'both',
  canBeForced: true,
}

/** Another model behind the same wire, such as one that Ollama runs: it thinks by itself where it can. */
const FOREIGN: ModelFacts = { ...CLAUDE_4, maxTokens: 8192, off: 'disabled' }

const CLAUDE = /claude-([a-z0-9.-]+?)(?:[-@](?:\d{8}|latest|default))?$/

/** What is known of a model, by its name at any of the platforms. */
export function factsOf(model: string): ModelFacts {
  const name = CLAUDE.exec(model.toLowerCase())?.[1]?.replaceAll('.', '-').replace(/-0$/, '')
  if (name === undefined) return FOREIGN
  return MODELS.get(name) ?? NEW_CLAUDE
}
