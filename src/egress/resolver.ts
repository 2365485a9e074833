import { lookup, Resolver } from 'node:dns/promises'
import { overloaded, unreachable } from './fetch-fault.ts'

/** Every address of a host name, of both families. Rejects where it has none. */
export type Resolve = (host: string) => Promise<readonly string[]>

/** How long a DNS server is waited for, in milliseconds, the first time; twice as long the second and last time. */
const ANSWER_MS = 2000

/**
 * Looks up the names that users give. It asks DNS by itself: the system's function waits in a thread of the pool that
 * the connections to providers are looked up by too, and a name that answers slowly would hold them up.
 *
 * @param options.server `IP:PORT` of a DNS server; undefined for that of the system.
 * @param options.localNames Names of the operator: without a server they are looked up as this machine does it, with
 * its file of hosts.
 */
export function openResolver(options: { server: string | undefined; localNames: ReadonlySet<string> }): Resolve {
  const { server, localNames } = options
  const resolver = new Resolver({ timeout: ANSWER_MS, tries: 2 })
  if (server !== undefined) resolver.setServers([server])
  return async (host) => {
    if (server === undefined && localNames.has(host)) return addressesOf(await lookup(host, { all: true }))
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    if (addresses.length > 0) return addresses
    const reasons: unknown[] = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
    // No DNS server listens; whatever else goes wrong may be the doing of whoever owns the name.
    const isOurs = reasons.some(
      (reason) => reason instanceof Error && 'code' in reason && reason.code === 'ECONNREFUSED',
    )
    throw isOurs ? overloaded(reasons[0]) : unreachable(reasons[0])
  }
}

function addressesOf(answers: readonly { readonly address: string }[]): readonly string[] {
  return answers.map(({ address }) => address)
}
