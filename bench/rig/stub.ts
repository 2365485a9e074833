/**
 * The least that a gateway can be, a process of its own: it asks the upstream for a stream, reads it with the same
 * package, and answers with a Response or its events. No keys, no checks, no limits, no log, no errors, no threads:
 * what it costs, no gateway of this design can go below. With `store`, each answer is one row of SQLite, durable
 * before its end is told, written by a thread in batches.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'
import { createParser } from 'eventsource-parser'
import { Pool } from 'undici'

const [origin = '', database] = process.argv.slice(2)

const upstream = new Pool(origin, { connections: 16_384, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
const keep = database === undefined ? () => Promise.resolve() : openStore(database)

let count = 0

const server = createServer((request, response) => {
  const pieces: Buffer[] = []
  request.on('data', (piece: Buffer) => pieces.push(piece))
  request.on('end', () => answer(JSON.parse(Buffer.concat(pieces).toString()) as Asked, response))
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  process.send?.({ port: (server.address() as AddressInfo).port }) // It listens on an IP socket.
})

interface Asked {
  readonly model: string
  readonly input: string
  readonly stream: boolean
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[]
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number }
}

function answer(asked: Asked, response: ServerResponse): void {
  const reply = asked.stream ? new StreamReply(asked, response) : new WholeReply(asked, response)
  const decoder = new TextDecoder()
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') return
      const { choices, usage } = JSON.parse(data) as Chunk // Our own upstream.
      const text = choices?.[0]?.delta?.content
      if (text !== undefined) reply.say(text)
      if (usage !== undefined) reply.usage = usage
    },
  })
  const body = JSON.stringify({ model: asked.model, messages: [{ role: 'user', content: asked.input }], stream: true })
  upstream.dispatch(
    { method: 'POST', path: '/v1/chat/completions', headers: { 'content-type': 'application/json' }, body },
    {
      onRequestStart() {},
      onResponseStart: () => reply.begin(),
      onResponseData: (_, piece) => {
        parser.feed(decoder.decode(piece, { stream: true }))
        reply.flush()
      },
      onResponseEnd: () => void reply.end(asked),
      onResponseError: () => void response.destroy(),
    },
  )
}

class WholeReply {
  readonly id = `resp_${String(count++).padStart(48, '0')}`
  readonly response: ServerResponse
  readonly asked: Asked
  text = ''
  usage: Chunk['usage']

  constructor(asked: Asked, response: ServerResponse) {
    this.asked = asked
    this.response = response
  }

  begin(): void {}

  say(text: string): void {
    this.text += text
  }

  flush(): void {}

  async end({ input }: Asked): Promise<void> {
    const body = JSON.stringify(this.snapshot('completed'))
    await keep({ id: this.id, input, response: body })
    this.response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  }

  /** As many fields as a Response has. */
  snapshot(status: string): object {
    const content = [{ type: 'output_text', text: this.text, annotations: [], logprobs: [] }]
    const { model } = this.asked
    return {
      id: this.id,
      object: 'response',
      created_at: Math.floor(Date.now() / 1000),
      status,
      background: false,
      error: null,
      incomplete_details: null,
      instructions: null,
      max_output_tokens: null,
      max_tool_calls: null,
      model,
      output: [{ type: 'message', id: `msg_${this.id}`, role: 'assistant', status, content }],
      output_text: this.text,
      parallel_tool_calls: true,
      previous_response_id: null,
      reasoning: { effort: null, summary: null },
      service_tier: 'default',
      store: true,
      temperature: 1,
      text: { format: { type: 'text' }, verbosity: 'medium' },
      tool_choice: 'auto',
      tools: [],
      top_p: 1,
      truncation: 'disabled',
      usage: this.usage ?? null,
      metadata: {},
    }
  }
}

class StreamReply extends WholeReply {
  #number = 0
  #pending = ''

  override begin(): void {
    this.response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const type of ['response.created', 'response.in_progress']) {
      this.#tell(type, { response: this.snapshot('in_progress') })
    }
    this.flush()
  }

  override say(text: string): void {
    const place = { item_id: `msg_${this.id}`, output_index: 0 }
    if (this.text === '') {
      this.#tell('response.output_item.added', { output_index: 0, item: { id: place.item_id, type: 'message' } })
      this.#tell('response.content_part.added', { ...place, content_index: 0, part: { type: 'output_text', text: '' } })
    }
    super.say(text)
    this.#tell('response.output_text.delta', { ...place, content_index: 0, delta: text, logprobs: [] })
  }

  /** One write for everything that one read of the upstream has brought. */
  override flush(): void {
    if (this.#pending !== '') this.response.write(this.#pending)
    this.#pending = ''
  }

  override async end({ input }: Asked): Promise<void> {
    const place = { item_id: `msg_${this.id}`, output_index: 0, content_index: 0 }
    const part = { type: 'output_text', text: this.text }
    this.#tell('response.output_text.done', { ...place, text: this.text })
    this.#tell('response.content_part.done', { ...place, part })
    this.#tell('response.output_item.done', { output_index: 0, item: { id: place.item_id, content: [part] } })
    const response = this.snapshot('completed')
    await keep({ id: this.id, input, response: JSON.stringify(response) })
    this.#tell('response.completed', { response })
    this.response.end(`${this.#pending}data: [DONE]\n\n`)
  }

  #tell(type: string, fields: object): void {
    this.#pending += `event: ${type}\ndata: ${JSON.stringify({ type, ...fields, sequence_number: this.#number++ })}\n\n`
  }
}

interface Row {
  readonly id: string
  readonly input: string
  readonly response: string
}

/** Rows of one turn of the event loop, and of the time that the batch before takes, are one transaction. */
function openStore(path: string): (row: Row) => Promise<void> {
  const worker = new Worker(new URL('./stub-store.ts', import.meta.url), { workerData: path })
  let next: { row: Row; resolve: () => void }[] = []
  let running: typeof next = []
  const flush = () => {
    if (running.length > 0 || next.length === 0) return
    running = next
    next = []
    worker.postMessage(running.map(({ row }) => row))
  }
  worker.on('message', () => {
    for (const { resolve } of running) resolve()
    running = []
    flush()
  })
  return (row) =>
    new Promise((resolve) => {
      next.push({ row, resolve })
      if (next.length === 1) setImmediate(flush)
    })
}
