import { mock } from 'node:test'
import { runCommand } from '../run-command.ts'

/** How a command ended, and what it said. */
export interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a command in this process. Only text is captured: the test runner reports in bytes over the same
 * standard output, and goes on doing so.
 */
export async function runCaptured(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Said> {
  const said = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((name) => {
    const write = process[name].write.bind(process[name])
    const capture = (...args: Parameters<typeof write>): boolean => {
      if (typeof args[0] !== 'string') return write(...args)
      said[name] += args[0]
      return true
    }
    return mock.method(process[name], 'write', capture as never) // Nobody waits for the callback of a text.
  })
  try {
    return { code: await runCommand(args, environment), ...said }
  } finally {
    for (const spy of spies) spy.mock.restore()
  }
}
