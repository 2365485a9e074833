import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, launch, untilReady } from '../rig/process.ts'

/** Time from starting the process until it is ready on a fresh database, in milliseconds. */
export async function measureStartUp(entry: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'antiphon-start-'))
  const port = await freePort()
  const start_ms = performance.now()
  const server = launch({
    args: [entry, 'serve', '--port', String(port), '--store', `sqlite:${join(folder, 'antiphon.db')}`],
    folder,
  })
  await untilReady(`http://127.0.0.1:${port}`)
  const taken_ms = performance.now() - start_ms
  await server.stop('SIGINT') // It does not wait for the probes of anybody, as it would at SIGTERM.
  rmSync(folder, { recursive: true })
  return taken_ms
}
