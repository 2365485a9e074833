import { request } from 'undici'

/**
 * Whether a server of the operator answers an address with 200.
 *
 * @param wait_ms How long it is waited for.
 */
export async function answersAt(url: string, wait_ms: number): Promise<boolean> {
  return request(url, { signal: AbortSignal.timeout(wait_ms) }).then(
    async ({ statusCode, body }) => {
      await body.dump()
      return statusCode === 200
    },
    () => false,
  )
}
