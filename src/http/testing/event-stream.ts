import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import { scriptedFlow, type ScriptedFlow } from '../../core/testing/scripted-flow.ts'
import type { ResponseEvent } from '../../protocol/event.ts'
import type { Response } from '../../protocol/response.ts'
import type { FlushPace } from '../flush-pace.ts'
import { frame, sendEvents, type StreamOptions } from '../sse.ts'
import { fakeTimers, type FakeTimers } from './fake-timers.ts'

/** A socket that takes nothing until it is told to. */
export class SlowResponse extends Writable {
  /** What it was given, write by write, as far as the client has read. */
  readonly writes: string[] = []
  /** What went before the body. */
  head: { status: number; headers: Record<string, string> } | undefined
  #done: (() => void) | undefined

  constructor(roomBytes: number) {
    super({ highWaterMark: roomBytes })
  }

  writeHead(status: number, headers: Record<string, string>): void {
    this.head = { status, headers }
  }

  flushHeaders(): void {}

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.writes.push(chunk.toString())
    this.#done = done
  }

  /** The client reads everything that it was sent. */
  read(): void {
    for (let done = this.#done; done !== undefined; done = this.#done) {
      this.#done = undefined
      done()
    }
  }
}

/** A pace that holds as long as the test says, until the test says so. */
export interface FakePace extends FlushPace {
  /** From now on deltas may be held, or not. */
  hold(isBusy: boolean): void
  /** The common tick. */
  flush(): void
}

/** Makes a pace that holds nothing yet. */
export function fakePace(): FakePace {
  const waiting: (() => void)[] = []
  let isHolding = false
  return {
    mayHold: () => isHolding,
    later: (act) => void waiting.push(act),
    hold(isBusy) {
      isHolding = isBusy
    },
    flush() {
      for (const act of waiting.splice(0)) act()
    },
  }
}

/** A stream under way. */
export interface EventStream extends FakeTimers {
  readonly response: SlowResponse
  readonly source: ScriptedFlow<readonly ResponseEvent[]>
  readonly pace: FakePace
  readonly sent: Promise<void>
  /** Everything that the client was sent. */
  text(): string
}

/** Begins to send what the test says, with time that stands still. */
export function beginStream(
  t: TestContext,
  options: Partial<StreamOptions> & { readonly roomBytes?: number } = {},
): EventStream {
  const timers = fakeTimers(t)
  const { roomBytes = 1_000_000, ...rest } = options
  const response = new SlowResponse(roomBytes)
  const source = scriptedFlow<readonly ResponseEvent[]>()
  const pace = fakePace()
  response.once('close', () => response.writableFinished || source.leave())
  const sent = sendEvents(
    response as unknown as ServerResponse, // All of it that is used.
    source,
    {
      headers: { 'x-request-id': 'r' },
      keepalive_ms: 15_000,
      stall_ms: 30_000,
      obfuscate: false,
      textOf: plainText,
      pace,
      ...rest,
    },
  )
  return { ...timers, response, source, pace, sent, text: () => response.writes.join('') }
}

/** Lets everything go on that needs no time. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
  await new Promise((resolve) => setImmediate(resolve))
}

/** A piece of text. */
export function delta(text: string): Extract<ResponseEvent, { type: 'response.output_text.delta' }> {
  const place = { item_id: 'msg_1', output_index: 0, content_index: 0 }
  return { type: 'response.output_text.delta', ...place, delta: text, logprobs: [], sequence_number: 4 }
}

/** Events as they stand on the wire. */
export function frames(...events: readonly ResponseEvent[]): string {
  return events.map((event) => frame(event, plainText)).join('')
}

function plainText(response: Response): string {
  return JSON.stringify(response)
}
