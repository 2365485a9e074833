import { CHAT, type Peer } from './peer.ts'

/** A reverse proxy that knows nothing of models, for scale. */
export const httpProxy: Peer = {
  name: 'http-proxy',
  package: 'http-proxy',
  versions: { 'http-proxy': '1.18.1' },
  ways: [CHAT],
  args: ({ folder, port, upstreamOrigin }) => [
    '--no-deprecation', // It calls what Node has deprecated since its release.
    new URL('start-http-proxy.ts', import.meta.url).pathname,
    folder,
    String(port),
    upstreamOrigin,
  ],
}
