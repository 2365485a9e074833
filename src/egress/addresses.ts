import { BlockList, isIP } from 'node:net'

/** Address blocks that are not the public Internet (IANA special-purpose registries, read 2026-11-22). */
const PRIVATE = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv6')
}

const PRIVATE_NAME = /^(?:localhost|[^.]+)\.?$|\.(?:local|localhost|internal|lan|home|corp)\.?$/i

/** Whether a host, as WHATWG URL spells it, names this machine or a private network by itself. */
export function isPrivateHost(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  const family = isIP(address)
  if (family === 0) return PRIVATE_NAME.test(hostname)
  return PRIVATE.check(address, family === 6 ? 'ipv6' : 'ipv4')
}
