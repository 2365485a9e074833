import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void // The flag has put it there.

/** Frees what nobody holds. A collection that is under way keeps all that it has seen alive: hence a second one. */
export function collect(): void {
  gc()
  gc()
}
