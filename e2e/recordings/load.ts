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
  /** The same as bytes; for binary frames alone they are not those of `pieces`, which then hold `{ event: payload }`. */
  readonly bytes: readonly Uint8Array[]
  readonly isStream: boolean
  /** What was asked, where the recording kept it. */
  readonly request: RecordedRequest | undefined
}

/** A request as a recording kept it. */
export interface RecordedRequest {
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
}

interface RecordedFile {
  readonly id: string
  readonly provider: string
  readonly request?: { readonly path?: string; readonly body?: unknown } | null
  readonly response: RecordedResponse
}

interface RecordedResponse {
  readonly status: number | null
  readonly body?: unknown
  readonly text?: string
  readonly sse?: readonly string[]
  readonly ndjson?: readonly string[]
  readonly payloads?: readonly unknown[]
  readonly eventstream?: readonly {
    readonly b64: string
    readonly headers: Record<string, string>
    readonly payload: string
  }[]
}

/**
 * All recordings of one folder, such as `chat-completions`.
 *
 * @param isWanted Which of them, by their id.
 */
export function loadRecordings(folder: string, isWanted: (id: string) => boolean = () => true): readonly Recording[] {
  if (NO_RECORDINGS !== false) return []
  return readdirSync(FOLDER + folder)
    .filter((name) => name.endsWith('.json') && isWanted(name.slice(0, -'.json'.length)))
    .toSorted()
    .map((name) => readRecording(JSON.parse(readFileSync(`${FOLDER}${folder}/${name}`, 'utf8')) as RecordedFile))
}

function readRecording({ id, provider, request, response }: RecordedFile): Recording {
  const { status, eventstream } = response
  const { pieces, contentType, isStream } = bodyOf(response)
  const bytes = eventstream?.map(({ b64 }) => Buffer.from(b64, 'base64')) ?? pieces.map((piece) => Buffer.from(piece))
  return { id, provider, status: status ?? 200, contentType, pieces, bytes, isStream, request: requestOf(request) }
}

function bodyOf(response: RecordedResponse): Pick<Recording, 'pieces' | 'contentType' | 'isStream'> {
  const { body, text, sse, ndjson, payloads, eventstream } = response
  const stream = (contentType: string, pieces: readonly string[]) => ({ pieces, contentType, isStream: true })
  if (sse !== undefined) return stream('text/event-stream', sse)
  if (payloads !== undefined)
    return stream(
      'text/event-stream',
      payloads.map((payload) => `data: ${asText(payload)}\n\n`),
    )
  if (ndjson !== undefined)
    return stream(
      'application/x-ndjson',
      ndjson.map((line) => `${line.trimEnd()}\n`),
    )
  if (eventstream !== undefined) {
    const events = eventstream.map(({ headers, payload }) => `{"${headers[':event-type'] ?? ''}":${payload}}`)
    return stream('application/vnd.amazon.eventstream', events)
  }
  return { pieces: [asText(body ?? text ?? '')], contentType: 'application/json', isStream: false }
}

function requestOf(request: RecordedFile['request']): RecordedRequest | undefined {
  const body = request?.body
  if (request?.path === undefined || typeof body !== 'object' || body === null) return undefined
  return { path: request.path, body: body as Record<string, unknown> } // A JSON object.
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
