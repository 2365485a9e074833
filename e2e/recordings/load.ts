import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Where recordings of real provider traffic stand, beside the project; absent on most machines. */
const FOLDER = fileURLToPath(new URL('../../../shared/recordings/', import.meta.url))

/** Why recordings are skipped, or false where they are there. */
export const NO_RECORDINGS = existsSync(FOLDER) ? false : 'The folder ../shared/recordings is not there.'

/** One recorded answer of a provider. */
export interface Recording {
  readonly id: string
  readonly provider: string
  readonly status: number
  readonly contentType: string
  /** The body as it came, event by event; one piece for a body that was not a stream. */
  readonly pieces: readonly string[]
  readonly isStream: boolean
}

interface RecordedFile {
  readonly id: string
  readonly provider: string
  readonly response: {
    readonly status: number | null
    readonly body?: unknown
    readonly sse?: readonly string[]
    readonly payloads?: readonly unknown[]
  }
}

/** All recordings of one family, such as `chat-completions`. */
export function loadRecordings(family: string): readonly Recording[] {
  if (NO_RECORDINGS !== false) return []
  return readdirSync(FOLDER + family)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => readRecording(JSON.parse(readFileSync(`${FOLDER}${family}/${name}`, 'utf8')) as RecordedFile))
}

function readRecording({ id, provider, response }: RecordedFile): Recording {
  const { status, body, sse, payloads } = response
  const pieces = sse ?? payloads?.map((payload) => `data: ${asText(payload)}\n\n`) ?? [asText(body)]
  const isStream = body === undefined
  return {
    id,
    provider,
    status: status ?? 200,
    contentType: isStream ? 'text/event-stream' : 'application/json',
    pieces,
    isStream,
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
