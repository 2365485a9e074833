import type * as BedrockSdk from '@aws-sdk/client-bedrock-runtime'
import { ApiError } from '../../protocol/error.ts'

/** The AWS SDK for Bedrock: a package that operators install themselves where they want it. */
export type Sdk = typeof BedrockSdk

/** Its name on npm. */
const PACKAGE = '@aws-sdk/client-bedrock-runtime'

/** Loads the SDK. */
export const loadSdk = (): Promise<Sdk> => import('@aws-sdk/client-bedrock-runtime')

/**
 * Loads the SDK when it is first needed.
 *
 * @throws {ApiError} 503 `provider_not_installed`: it is not there, or cannot be loaded.
 */
export async function requireSdk(load: () => Promise<Sdk>, providerId: string): Promise<Sdk> {
  try {
    return await load()
  } catch (cause) {
    throw new ApiError({
      type: 'server_error',
      code: 'provider_not_installed',
      message: `The provider ${providerId} of this server needs the package ${PACKAGE}, which ${whyNot(cause)}. Its operator can add it with: npm install ${PACKAGE}`,
      headers: { 'x-should-retry': 'false' },
      cause,
    })
  }
}

function whyNot(cause: unknown): string {
  const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND'
  return isMissing ? 'is not installed' : 'cannot be loaded'
}
