import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { exerciseStore } from '../contract.ts'
import { openSqliteStore } from './sqlite-store.ts'

const folder = await mkdtemp(join(tmpdir(), 'antiphon-store-'))
after(() => rm(folder, { recursive: true }))
let opened = 0

exerciseStore('sqlite', () => openSqliteStore(join(folder, `${opened++}.db`)))
