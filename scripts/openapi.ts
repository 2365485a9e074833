import { writeFileSync } from 'node:fs'
import { buildOpenApi } from '../src/protocol/openapi.ts'
import { VERSION } from '../src/version.ts'

writeFileSync('openapi.json', `${JSON.stringify(buildOpenApi(VERSION), null, 2)}\n`)
