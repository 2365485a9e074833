import { writeFileSync } from 'node:fs'
import { providersPage } from './providers/page.ts'

writeFileSync('docs/providers.md', await providersPage())
