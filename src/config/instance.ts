import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Config } from './schema.ts'

/** The slot of a process that has its port for itself. */
export const FIRST_SLOT = 1

/**
 * What a process is known by to those that share its storage, such as `host-1:4000/1`. Whoever comes after it in its
 * place has the same name; nobody else has it at the same time. Where neither a name nor a port is given, nobody can
 * come after it.
 *
 * @param slot Its number among the processes behind the port, from {@link FIRST_SLOT} on.
 */
export function instanceOf({ instance, port }: Pick<Config['server'], 'instance' | 'port'>, slot: number): string {
  const place = port === 0 ? randomUUID() : port
  return `${instance ?? `${hostname()}:${place}`}/${slot}`
}
