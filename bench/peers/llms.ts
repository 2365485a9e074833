import { CHAT, type Peer } from './peer.ts'

/** A provider and a model stand in the model's name, with a comma between them. */
const MODEL = 'mock,mock'

/** The server inside Claude Code Router: Chat Completions go through it, Messages are translated to them. */
export const llms: Peer = {
  name: 'llms',
  package: '@musistudio/llms',
  versions: { '@musistudio/llms': '1.0.53' },
  environment: { NODE_ENV: 'production' },
  ways: [
    { ...CHAT, body: (prompt, isStream) => ({ ...CHAT.body(prompt, isStream), model: MODEL }) },
    {
      api: 'Messages',
      work: 'translates',
      path: '/v1/messages',
      headers: () => ({}),
      body: (prompt, isStream) => ({ ...CHAT.body(prompt, isStream), model: MODEL, max_tokens: 1024 }),
    },
  ],
  args: ({ folder, port, upstreamOrigin }) => [
    new URL('start-llms.ts', import.meta.url).pathname,
    folder,
    String(port),
    upstreamOrigin,
  ],
}
