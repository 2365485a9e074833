/** What may not be reached, in four bytes. */
const ADDRESSES = ['127.0.0.1', '10.0.0.1', '169.254.169.254', '192.168.0.1', '0.0.0.0', '100.64.0.1', '172.16.9.9']

/** The same digits elsewhere in Unicode. */
const FULL_WIDTH = '０１２３４５６７８９'
const MATHEMATICAL = '𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗'
const CIRCLED = '⓪①②③④⑤⑥⑦⑧⑨'

function inDigits(digits: string, address: string): string {
  return address.replaceAll(/\d/g, (digit) => [...digits][Number(digit)] ?? digit)
}

function hexOf(number: number, digits = 0): string {
  return number.toString(16).padStart(digits, '0')
}

/** One IPv4 address in the ways that parsers of URLs, resolvers and routers read it. */
function spellingsOf(address: string): string[] {
  const bytes = address.split('.').map(Number)
  const [a = 0, b = 0, c = 0, d = 0] = bytes
  const whole = ((a * 256 + b) * 256 + c) * 256 + d
  const groups = `${hexOf(a * 256 + b)}:${hexOf(c * 256 + d)}`
  const padded = `${hexOf(a * 256 + b, 4)}:${hexOf(c * 256 + d, 4)}`
  const inverted = `${hexOf(0xffff - a * 256 - b)}:${hexOf(0xffff - c * 256 - d)}`
  return [
    [address, `${address}.`, `${whole}`, `${whole}.`, `0x${hexOf(whole)}`, `0X${hexOf(whole, 10).toUpperCase()}`],
    [`0${whole.toString(8)}`, `000${whole.toString(8)}`, `${a}.${(b * 256 + c) * 256 + d}`, `${a}.${b}.${c * 256 + d}`],
    [bytes.map((byte) => `0x${hexOf(byte)}`).join('.'), bytes.map((byte) => `0${byte.toString(8)}`).join('.')],
    [`0x${hexOf(a)}.${b}.0${(c * 256 + d).toString(8)}`, `${a}.0x${hexOf((b * 256 + c) * 256 + d)}`],
    [FULL_WIDTH, MATHEMATICAL, CIRCLED].map((digits) => inDigits(digits, address)),
    ['。', '．', '｡', '%2E', '%2e'].map((dot) => address.replaceAll('.', dot)),
    [address.replaceAll(/\d/g, (digit) => `%3${digit}`)],
    [`::ffff:${address}`, `::FFFF:${groups}`, `0:0:0:0:0:ffff:${groups}`, `0000:0000:0000:0000:0000:ffff:${padded}`],
    [`::${address}`, `::${groups}`, `::ffff:0:${address}`, `::ffff:0:${groups}`],
    [`64:ff9b::${address}`, `64:ff9b::${groups}`, `64:ff9b:1::${address}`, `0064:ff9b:0:0:0:0:${padded}`],
    [`2002:${groups}::`, `2002:${groups}::1`, `2002:${padded}:0:0:0:0:1`, `2001:0:4136:e378:8000:63bf:${inverted}`],
  ]
    .flat()
    .map((host) => (host.includes(':') ? `[${host}]` : host))
}

const IPV6 = `
  :: ::1 0:0:0:0:0:0:0:1 0000:0000:0000:0000:0000:0000:0000:0001 ::0001 0::1 ::0:0:1 fc00::1 fd00:ec2::254
  FDFF:FFFF::1 fe80::1 FE80::A9FE:A9FE febf::1 fec0::1 ff02::1 ff0e::1 100::1 2001:db8::1 2001:2::1 3fff::1
  5f00::1 4000::1 1::1 fbff::1
`
  .trim()
  .split(/\s+/)
  .map((address) => `[${address}]`)

const NAMES = `
  localhost LOCALHOST LocalHost. localhost.localdomain a.localhost ｌｏｃａｌｈｏｓｔ ⓛⓞⓒⓐⓛⓗⓞⓢⓣ
  %6c%6f%63%61%6c%68%6f%73%74 router kubernetes kubernetes.default.svc a.svc.cluster.local nas.local
  metadata.google.internal metadata.google.internal. host.docker.internal db.internal wiki.corp a.lan
  router.home.arpa a.home a.intranet a.private a.test looks-public.example xn--e1afmkfd.example
`
  .trim()
  .split(/\s+/)

/** What parsers of URLs disagree about, for a place such as `127.0.0.1:8080`. */
function disguised(place: string): string[] {
  return [
    `http://a@${place}\\@images.example/`,
    `https://a@${place}\\@images.example/`,
    `https://images.example\\@${place}/`,
    `https://images.example@${place}/`,
    `https://images.example:443@${place}/`,
    `https://a:b@${place}/`,
    `https://images.example%40${place}/`,
    `https://@${place}/`,
    `https://:@${place}/`,
    `https://images.example#@${place}/`,
    `https:${place}/`,
    `https:/${place}/`,
    `https:///${place}/`,
    `https:////${place}/`,
    `https:\\\\${place}\\`,
    `//${place}/`,
    `\\\\${place}\\`,
    `/\\${place}`,
    `${place}/`,
    `HTTPS://${place}/`,
    `hTTp://${place}/`,
    `HtTpS:/${place}`,
    `https://${place}%00.images.example/`,
    `https://${place}%2F@images.example/`,
    `https://${place}%5C@images.example/`,
    `ftp://${place}/`,
    `file://${place}/etc/passwd`,
    `gopher://${place}/_`,
    `ws://${place}/`,
    `wss://${place}/`,
    `data:text/plain,${place}`,
    `blob:https://${place}/a`,
    `javascript:fetch("https://${place}")`,
    `jar:https://${place}!/`,
    `dict://${place}/`,
    `view-source:https://${place}/`,
    `https://[${place}]/`,
  ]
}

/** Places with what is not seen, or passed over. */
function polluted(place: string): string[] {
  return [
    ` https://${place}/`,
    `https://${place}/ `,
    `https://${place} /`,
    `https:// ${place}/`,
    `\u0000https://${place}/`,
    `ht\ttps://${place}/`,
    `https:/\t/${place}/`,
    `https:\n//${place}/`,
    `https://\r\n${place}/`,
    `https://${place}\u0000/`,
    `https://${place.replace('.', '\t.')}/`,
    `https://${place.replace('.', '.\n')}/`,
    `\ufeffhttps://${place}/`,
    `https://${place.replace('.', '.\u00ad')}/`,
    `https://${place.replace('.', '.\u200b')}/`,
    `https://\u2060${place}/`,
  ]
}

const HARDLY_URLS = [
  `unix:/var/run/docker.sock`,
  `https://[::1%25lo]/`,
  `https://[::1%lo]/`,
  `https://[fe80::1%25eth0]/`,
  `https://[::ffff:127.0.0.1]]/`,
  `https://[[::1]]/`,
  `https://[::1`,
  '',
  ' ',
  'https://',
  'https:///',
  'https://.',
  'https://..',
  'https://0',
  'https://0/',
  'https://1/',
  'https://-1/',
  'https://4294967296/',
  'https://0x100000000/',
  'https://256.0.0.1/',
  'https://127.0.0.1.1/',
  'https://08.0.0.1/',
]

/**
 * URLs whose targets users may not reach: every host as it is, with a port of its own, and without TLS.
 *
 * @param port Where something listens on both loopback addresses.
 */
export function privateTargets(port: number): readonly string[] {
  const hosts = [...ADDRESSES.flatMap(spellingsOf), ...IPV6, ...NAMES]
  const urls = [
    hosts.flatMap((host) => [`https://${host}/`, `https://${host}:${port}/`, `http://${host}:${port}/`]),
    ['127.0.0.1', `127.0.0.1:${port}`].flatMap((place) => [...disguised(place), ...polluted(place)]),
    HARDLY_URLS,
  ]
  return [...new Set(urls.flat())]
}
