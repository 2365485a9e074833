import type { Take } from '../../core/flow.ts'
import type { TransportBody } from '../../core/transport.ts'

/** A body whose chunks come from a generator. Leaving it ends it at once, also while a chunk is waited for. */
export function bodyOf(chunks: AsyncIterable<Uint8Array>): TransportBody {
  const leaving = Promise.withResolvers<void>()
  let hasLeft = false
  const read = async (take: Take<Uint8Array>) => {
    for await (const chunk of chunks) {
      if (!hasLeft) await take(chunk)
      if (hasLeft) return
    }
  }
  return {
    [Symbol.asyncIterator]: () => chunks[Symbol.asyncIterator](),
    each: (take) => Promise.race([read(take), leaving.promise]),
    leave() {
      hasLeft = true
      leaving.resolve()
    },
  }
}
