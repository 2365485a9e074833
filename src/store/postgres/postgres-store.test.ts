import { exerciseStore } from '../contract.ts'
import { openPostgresStore } from './postgres-store.ts'
import { CLUSTER_MISSING, clusterForFile } from './testing/cluster.ts'

const cluster = clusterForFile()

if (CLUSTER_MISSING === false) {
  exerciseStore('postgres', async () => openPostgresStore(await cluster().createDatabase()))
}
