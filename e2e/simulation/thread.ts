import { parentPort, workerData } from 'node:worker_threads'
import { runBatch, type Batch } from './batch.ts'

parentPort?.postMessage(await runBatch(workerData as Batch)) // The parent has sent one.
