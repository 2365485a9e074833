/** Starts `http-proxy`, a process of its own. Its connections to the provider are kept: by default they are not. */
import { Agent } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** What is used of the package. */
interface Package {
  readonly createProxyServer: (options: { target: string; agent: Agent }) => {
    listen(port: number, host: string): void
  }
}

const [folder = '', port, target = ''] = process.argv.slice(2)
const { createProxyServer } = createRequire(join(folder, 'package.json'))('http-proxy') as Package // As it exports.
createProxyServer({ target, agent: new Agent({ keepAlive: true }) }).listen(Number(port), '127.0.0.1')
