import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPrivateHost, isPublicAddress } from './addresses.ts'

/** Hosts as one may write them in a URL, which spells them its own way. */
const privateHosts = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'api.localhost',
  'localhost.localdomain',
  'vllm',
  'gpu-1',
  'gpu-1.local',
  'gpu-1.local.',
  'db.internal',
  'metadata.google.internal',
  'host.docker.internal',
  'printer.lan',
  'nas.home',
  'nas.home.arpa',
  'wiki.corp',
  'wiki.intranet',
  'wiki.private',
  'models.ai.svc',
  'models.ai.svc.cluster.local',
  'acme.test',
  '0.0.0.0',
  '0',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.127.255.255',
  '127.0.0.1',
  '127.0.0.1.',
  '127.1',
  '127.255.255.254',
  '0x7f.0.0.1',
  '0x7f000001',
  '2130706433',
  '017700000001',
  '0177.0.0.01',
  '１２７.0.0.1',
  '127。0。0。1',
  '%31%32%37.0.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.1',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.1.1',
  '192.168.257',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.7',
  '203.0.113.7',
  '224.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:10.0.0.1]',
  '[::ffff:169.254.169.254]',
  '[::ffff:0:192.168.1.1]',
  '[::127.0.0.1]',
  '[::10.1.2.3]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::10.0.0.1]',
  '[64:ff9b::a9fe:a9fe]',
  '[64:ff9b:1::8.8.8.8]',
  '[2002:7f00:1::]',
  '[2002:a00:1::1]',
  '[2002:c0a8:101:1:2:3:4:5]',
  '[2001:0:4136:e378:8000:63bf:3fff:fdd2]',
  '[100::1]',
  '[2001:10::1]',
  '[2001:db8::1]',
  '[3fff::1]',
  '[5f00::1]',
  '[fc00::1]',
  '[fd12:3456:789a::1]',
  '[fdff:ffff::1]',
  '[fe80::1]',
  '[febf::1]',
  '[fec0::1]',
  '[ff02::1]',
]
for (const host of privateHosts) {
  test(`${host} is private`, () => {
    assert.equal(isPrivateHost(new URL(`http://${host}:8000/v1`).hostname), true)
  })
}

const publicHosts = [
  'api.openai.com',
  'api.openai.com.',
  'API.OPENAI.COM',
  'localhost.example.com',
  'local.ai',
  'internal.example.com',
  'home.example.org',
  'testing.dev',
  'xn--bcher-kva.example',
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.1',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.1',
  '192.0.3.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '[2606:4700:4700::1111]',
  '[2001:4860:4860::8888]',
  '[2a00::1]',
  '[::ffff:8.8.8.8]',
  '[::ffff:0:8.8.8.8]',
  '[64:ff9b::8.8.8.8]',
  '[2002:808:808::1]',
  '[fbff::1]',
]
for (const host of publicHosts) {
  test(`${host} is not private`, () => {
    assert.equal(isPrivateHost(new URL(`http://${host}/v1`).hostname), false)
  })
}

const unroutable = [
  ['', '8.8.8.8 ', 'example.com', '1.2.3', '01.2.3.4', '[2606:4700::1]', '8.8.8.8:80'],
  ['127.0.0.1', '10.0.0.1', '169.254.169.254', '224.0.0.1', '255.255.255.255', '203.0.113.1'],
  ['::', '::1', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::FFFF:A9FE:A9FE', '64:ff9b::10.0.0.1', '2002:a00:1::1'],
  ['::8.8.8.8', '::ffff:0:8.8.8.8', '64:ff9b:1::8.8.8.8', '2001::1', '2001:1ff::1', '2001:db8::1'],
  ['1fff::1', '4000::1', 'fbff::1', 'fc00::1', 'fe80::1', 'fe80::1%eth0', '2606:4700::1%eth0', 'fec0::1', 'ff02::1'],
].flat()
for (const address of unroutable) {
  test(`${JSON.stringify(address)} is no address of the public Internet`, () => {
    assert.equal(isPublicAddress(address), false)
  })
}

const routable = [
  ['1.1.1.1', '8.8.8.8', '223.255.255.255', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8', '2002:808:808::1'],
  ['2001:200::1', '2606:4700:4700::1111', '2A00::1', '3ffe::1'],
].flat()
for (const address of routable) {
  test(`${address} is an address of the public Internet`, () => {
    assert.equal(isPublicAddress(address), true)
  })
}
