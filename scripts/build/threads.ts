import type { Plugin } from 'rolldown'

/** How the sources start a thread: from a file beside them. */
const THREAD_URL = /(?<=new Worker\()new URL\('(\.\/[\w-]+\.ts)', import\.meta\.url\)/g

/** Bundles the files that threads are started from, which no import leads to, and names them by their new place. */
export function threads(): Plugin {
  return {
    name: 'threads',
    transform: {
      filter: { code: 'new Worker(' },
      handler(code, importer) {
        return code.replaceAll(THREAD_URL, (_, id: string) => {
          const file = this.emitFile({ type: 'chunk', id, importer })
          return `new URL(import.meta.ROLLUP_FILE_URL_${file})`
        })
      },
    },
  }
}
