import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startChaosProxy, type ChaosProxy } from './chaos-proxy.ts'
import { startCommand, workingFolder, type Command } from './command.ts'
import { readWords } from './fault-speech.ts'
import { spawnFaultUpstream, startFaultUpstream, type FaultUpstream } from './fault-upstream.ts'
import { readStream, startTestServer, type TestServer } from './server.ts'

interface Answered {
  readonly status: string
  readonly output_text: string
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number } | null
}

/** A server of ours in a process of its own, before a provider. */
async function startServer(context: TestContext, baseUrl: string): Promise<{ command: Command; base: string }> {
  const folder = workingFolder()
  const provider = `{ kind: openai-chat, base_url: "${baseUrl}" }`
  writeFileSync(join(folder.path, 'antiphon.yaml'), `providers: { fault: ${provider} }\n`)
  const args = ['serve', '--port', '0', '--config', 'antiphon.yaml']
  const command = startCommand(folder.path, args, { LOG_LEVEL: 'error', ANTIPHON_API_KEY: 'key' })
  context.after(async () => {
    command.process.kill('SIGKILL')
    await command.ended
    folder.remove()
  })
  const base = /listens on (\S+)/.exec(await command.says(/^curl .*$/m))?.[1] ?? ''
  return { command, base }
}

test('a provider in its own process counts on while the server is killed', async (context) => {
  const upstream = await spawnFaultUpstream()
  context.after(() => upstream.close())
  const { command, base } = await startServer(context, upstream.baseUrl)
  const asked = fetch(`${base}/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer key' },
    body: JSON.stringify({ model: 'fault/m', input: '[tag:k] [do: chunks=9 hold@4]', stream: true }),
  }).then((answer) => answer.text())
  const failure = assert.rejects(asked)
  await upstream.until('k', ({ held, used }) => held === 1 && used.output === 4)
  command.process.kill('SIGKILL')
  assert.equal((await command.ended).signal, 'SIGKILL')
  await failure
  const { received, begun, finished, aborted, used, said } = await upstream.until('k', ({ open }) => open === 0)
  assert.deepEqual({ received, begun, finished, aborted }, { received: 1, begun: 1, finished: 0, aborted: 1 })
  assert.deepEqual([used, said.output], [{ input: 5, output: 4 }, 0])
})

test('a provider in its own process obeys, and ends even where it stands still', async () => {
  const upstream = await spawnFaultUpstream()
  await upstream.script('*', 'chunks=1 | 503')
  const call = () => fetch(`${upstream.baseUrl}/chat/completions`, { method: 'POST', body: '{"messages":"[tag:x]"}' })
  assert.deepEqual([(await call()).status, (await call()).status], [200, 503])
  await assert.rejects(upstream.script('*', 'chunks=1 | oops'), /oops/)
  upstream.process.kill('SIGSTOP')
  await upstream.close()
  assert.deepEqual([upstream.process.exitCode, upstream.process.signalCode], [null, 'SIGTERM'])
  await assert.rejects(upstream.counts('x'))
})

test('a provider in its own process ends with whoever started it, even by kill -9', async () => {
  const harness = fileURLToPath(new URL('fault-upstream.ts', import.meta.url))
  const program = `
    const { spawnFaultUpstream } = await import(${JSON.stringify(harness)})
    const upstream = await spawnFaultUpstream()
    process.send(upstream.process.pid)
    setInterval(() => {}, 1000)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  const [pid] = (await once(parent, 'message')) as [number] // Sent above.
  // The provider has the other end of this pipe, too: it ends when both have.
  const { stderr } = parent
  assert.ok(stderr)
  const isOver = once(stderr.resume(), 'end')
  process.kill(pid, 0)
  parent.kill('SIGKILL')
  await isOver
})

interface Chain {
  readonly server: TestServer
  readonly proxy: ChaosProxy
  readonly upstream: FaultUpstream
}

/** Server, proxy and provider in one process. */
async function openChain(context: TestContext): Promise<Chain> {
  const upstream = await startFaultUpstream()
  const { hostname, port } = new URL(upstream.baseUrl)
  const proxy = await startChaosProxy({ target: { host: hostname, port: Number(port) }, seed: 5 })
  const base_url = `http://${proxy.host}:${proxy.port}/v1`
  const server = await startTestServer({ providers: { fault: { kind: 'openai-chat', base_url } } })
  context.after(async () => {
    await server.close()
    await proxy.close()
    await upstream.close()
  })
  return { server, proxy, upstream }
}

test('through a bad network the server records what the provider says it used', async (context) => {
  const { server, proxy, upstream } = await openChain(context)
  proxy.set({ slice: { least: 1, most: 9 }, latency_ms: 2, jitter_ms: 3 })
  const asked = Array.from({ length: 10 }, async (_, index) => {
    const input = `[tag:t${index}] [do: chunks=${index + 1} input=${index + 20}]`
    const answer = await server.post('/responses', { model: 'fault/m', input })
    return (await answer.json()) as Answered
  })
  for (const [index, { status, output_text, usage }] of (await Promise.all(asked)).entries()) {
    const { received, finished, said } = await upstream.counts(`t${index}`)
    assert.deepEqual([status, received, finished], ['completed', 1, 1])
    assert.deepEqual(readWords(output_text), { tag: `t${index}`, call: 1, words: index + 1 })
    assert.deepEqual([usage?.input_tokens, usage?.output_tokens], [said.input, said.output])
  }
})

test('a reset by the network fails the response, while the provider knows what it had used', async (context) => {
  const { server, proxy, upstream } = await openChain(context)
  const body = { model: 'fault/m', input: '[tag:x] [do: chunks=9 hold@3]', stream: true }
  const asked = server.post('/responses', body)
  await upstream.until('x', ({ held }) => held === 1)
  const answer = await asked
  proxy.reset()
  const events = await readStream(answer)
  assert.equal(events.at(-1)?.['type'], 'response.failed')
  const { received, aborted, used, said } = await upstream.until('x', ({ open }) => open === 0)
  assert.deepEqual([received, aborted, used, said.output], [1, 1, { input: 5, output: 3 }, 0])
})

test('after a reset toward the server alone the provider finishes, and says it to nobody', async (context) => {
  const { server, proxy, upstream } = await openChain(context)
  const body = { model: 'fault/m', input: '[tag:x] [do: chunks=9 hold@3]', stream: true }
  const asked = server.post('/responses', body)
  await upstream.until('x', ({ held }) => held === 1)
  const answer = await asked
  proxy.reset('down')
  assert.equal((await readStream(answer)).at(-1)?.['type'], 'response.failed')
  await upstream.release('x')
  const { finished, said } = await upstream.until('x', ({ open }) => open === 0)
  assert.deepEqual([finished, said], [1, { input: 5, output: 9 }])
})
