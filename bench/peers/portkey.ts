import { join } from 'node:path'
import { CHAT, type Peer } from './peer.ts'

/**
 * Portkey's gateway, as it runs in production: without its console. It takes the provider and the provider's
 * address from the headers of each request.
 *
 * The version of `@hono/node-server` is the one that its sources pin: with later ones, which npm would choose,
 * streams fail in version 1.15.2.
 *
 * @see https://github.com/Portkey-AI/gateway/issues/1389 (read 2026-11-22)
 */
export const portkey: Peer = {
  name: 'portkey',
  package: '@portkey-ai/gateway',
  versions: { '@portkey-ai/gateway': '1.15.2', '@hono/node-server': '1.13.5' },
  environment: { NODE_ENV: 'production' },
  ways: [
    {
      ...CHAT,
      headers: (upstreamOrigin) => ({
        authorization: 'Bearer key-of-the-provider',
        'x-portkey-provider': 'openai',
        'x-portkey-custom-host': `${upstreamOrigin}/v1`,
      }),
    },
  ],
  args: ({ folder, port }) => [
    join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js'),
    '--headless',
    `--port=${port}`,
  ],
}
