import { exerciseStore } from '../contract.ts'
import { scratchFiles } from '../testing/scratch.ts'
import { openSqliteStore } from './sqlite-store.ts'

const fresh = scratchFiles()

exerciseStore('sqlite', () => openSqliteStore(fresh('contract.db')))
