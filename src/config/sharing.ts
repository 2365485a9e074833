import { isJsonObject, type JsonObject } from '../protocol/json.ts'
import type { ConfigProblem } from './problem.ts'

/** Storages that one process has for itself, by what their URLs begin with. */
const ONE_PROCESS = /^(?:sqlite|memory):/

const REMEDY = 'use --store postgres://USER:PASSWORD@HOST/DATABASE'

/** Roles and numbers of processes that need a storage which several share; what the schema refuses is passed over. */
export function sharingProblems({ server, store }: JsonObject): readonly ConfigProblem[] {
  const [kind] = typeof store === 'string' ? (ONE_PROCESS.exec(store) ?? []) : []
  if (kind === undefined || !isJsonObject(server)) return []
  const { role, workers } = server
  return [
    ...(role === 'api' || role === 'worker' ? [problem('role', 'all', kind)] : []),
    ...(typeof workers === 'number' && workers > 1 ? [problem('workers', '1', kind)] : []),
  ]
}

function problem(setting: string, value: string, kind: string): ConfigProblem {
  return {
    path: `server.${setting}`,
    text: `must be ${value}: a ${kind} store serves one process; for more, ${REMEDY}`,
  }
}
