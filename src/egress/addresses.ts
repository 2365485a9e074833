import { BlockList, isIP } from 'node:net'

/** IPv4 blocks that are not the public Internet (IANA special-purpose registry, read 2026-11-22). */
const PRIVATE_V4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24], // Documentation, as are 198.51.100.0 and 203.0.113.0.
  ['192.88.99.0', 24], // Relays of 6to4.
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const

/** IPv6 blocks that are not the public Internet (IANA special-purpose registry, read 2026-11-22). */
const PRIVATE_V6 = [
  ['::', 127],
  ['64:ff9b:1::', 48], // NAT64 with a local prefix.
  ['100::', 63], // Discarded.
  ['2001::', 23], // Teredo, which hides the IPv4 address behind it, and other protocols.
  ['2001:db8::', 32], // Documentation, as is 3fff::.
  ['3fff::', 20],
  ['5f00::', 16], // Segment routing.
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const

/** Where IPv6 carries an IPv4 address: what stands before it, and how many bits that is. IPv4-mapped ones Node knows. */
const EMBEDDINGS = [
  ['::', 96], // IPv4-compatible.
  ['::ffff:0:', 96], // IPv4-translated.
  ['64:ff9b::', 96], // NAT64.
  ['2002:', 16], // 6to4.
] as const

/** The blocks, ready to be asked. Made for the first address: most starts need none. */
interface Blocks {
  readonly isPrivate: BlockList
  /** All of IPv6 that can be the public Internet: what is given out, and IPv4 behind NAT64 or mapped. */
  readonly global6: BlockList
}

let made: Blocks | undefined

function blocks(): Blocks {
  return (made ??= makeBlocks())
}

function makeBlocks(): Blocks {
  const isPrivate = new BlockList()
  for (const [network, prefix] of PRIVATE_V4) {
    isPrivate.addSubnet(network, prefix, 'ipv4')
    for (const [before, bits] of EMBEDDINGS) {
      const address = before + groupsOf(network) + (bits === 16 ? '::' : '')
      isPrivate.addSubnet(address, bits + prefix, 'ipv6')
    }
  }
  for (const [network, prefix] of PRIVATE_V6) isPrivate.addSubnet(network, prefix, 'ipv6')
  const global6 = new BlockList()
  global6.addSubnet('2000::', 3, 'ipv6')
  global6.addSubnet('64:ff9b::', 96, 'ipv6')
  global6.addSubnet('::ffff:0:0', 96, 'ipv6')
  return { isPrivate, global6 }
}

/** Endings that resolvers keep for themselves or for networks of one's own. */
const PRIVATE_NAME =
  /^[^.]+\.?$|\.(?:local|localhost|localdomain|internal|intranet|private|lan|home|home\.arpa|corp|svc|test)\.?$/i

/** Whether a host, as WHATWG URL spells it, names this machine or a private network by itself. */
export function isPrivateHost(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  const family = isIP(address)
  if (family === 0) return PRIVATE_NAME.test(hostname)
  return blocks().isPrivate.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** Whether an address that a user's URL holds, or leads to, is of the public Internet: certain, or it is not. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 0 || address.includes('%')) return false
  if (family === 4) return !blocks().isPrivate.check(address, 'ipv4')
  return blocks().global6.check(address, 'ipv6') && !blocks().isPrivate.check(address, 'ipv6')
}

/** An IPv4 address as two groups of IPv6: `10.0.0.0` is `0a00:0000`. */
function groupsOf(network: string): string {
  const hex = network.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))
  return `${hex[0]}${hex[1]}:${hex[2]}${hex[3]}`
}
