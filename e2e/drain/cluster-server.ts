/**
 * A server of several processes, each with a storage of its own: `node cluster-server.ts FILE`. The command line
 * refuses that; here it shows what becomes of the processes.
 */
import { loadConfig } from '../../src/config/load.ts'
import { serveInCluster } from '../../src/commands/cluster.ts'
import { createLogger } from '../../src/telemetry/log.ts'

const [, , file = ''] = process.argv
const loaded = await loadConfig({ config: file, store: 'memory:', port: '0' }, {})
const config = { ...loaded, server: { ...loaded.server, workers: 2 } }
process.exitCode = await serveInCluster({ config, environment: process.env, logger: createLogger('info') })
