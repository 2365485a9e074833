/** Starts the server of `@musistudio/llms`, a process of its own: the package has a class and no command. */
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** What is used of the package. */
interface Package {
  readonly default: new (options: { initialConfig: object }) => { start(): Promise<void> }
}

const [folder = '', port, upstreamOrigin] = process.argv.slice(2)
const { default: Server } = createRequire(join(folder, 'package.json'))('@musistudio/llms') as Package // As it exports.
const mock = {
  name: 'mock',
  api_base_url: `${upstreamOrigin}/v1/chat/completions`,
  api_key: 'key-of-the-provider',
  models: ['mock'],
}
await new Server({ initialConfig: { PORT: port, providers: [mock] } }).start()
