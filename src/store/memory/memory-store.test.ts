import { exerciseStore } from '../contract.ts'
import { openMemoryStore } from './memory-store.ts'

exerciseStore('memory', async () => openMemoryStore(() => 1_700_000_000_000))
