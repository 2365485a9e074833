import { createPrivateKey, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { TransportError, type Transport, type TransportAnswer } from '../core/transport.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import { isJsonObject, parseJson } from '../protocol/json.ts'
import type { ProviderSetup } from './family.ts'
import { ERROR_BODY_BYTES_MAX, readText } from './upstream.ts'

/** What a token may be used for: every API of Google Cloud. */
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

/** Where tokens are given out, where the key file does not say it. */
const TOKEN_URL = 'https://oauth2.googleapis.com/token'

/** How long a token is asked for, and assumed to last where the answer does not say it: the longest there is. */
const LIFETIME_S = 3600

/** A token that ends sooner is replaced: a call takes its time, and clocks differ. */
const MARGIN_MS = 300_000

/** Gives access tokens of Google Cloud. */
export interface TokenSource {
  /**
   * A token that is valid for some minutes yet. Exchanges are shared: there is one at a time, whoever waits for it.
   *
   * @throws {UpstreamError} `auth` where the key file is of no use or was refused, `unavailable` where nobody answered.
   * @throws The signal's reason, where it was aborted: the exchange goes on for the others.
   */
  token(signal: AbortSignal): Promise<string>
  /** This token was refused: the next one is another. */
  forget(token: string): void
}

/** What a source of tokens needs of a provider's settings. */
export type TokenNeeds = Pick<ProviderSetup, 'transport' | 'now' | 'userAgent' | 'timeouts'> & {
  /** Path of a service account's key file. It is read for every exchange: a new key needs no restart. */
  readonly credentialsFile: string
}

/**
 * The way out to Google Cloud: with the token of the service account that the settings name, where they give no key.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7523
 */
export function googleTransport(setup: ProviderSetup): Transport {
  const { transport, now, userAgent, timeouts, own, apiKey } = setup
  const credentialsFile = own.credentials_file
  if (apiKey !== '' || credentialsFile === undefined) return transport
  return withToken(transport, createTokenSource({ transport, now, userAgent, timeouts, credentialsFile }))
}

/** A way out on which each request carries a token, unless it has credentials already. */
function withToken(transport: Transport, tokens: TokenSource): Transport {
  return {
    async send(request) {
      const token = await tokens.token(request.signal)
      const answer = await transport.send({
        ...request,
        headers: { authorization: `Bearer ${token}`, ...request.headers },
      })
      if (answer.status === 401) tokens.forget(token)
      return answer
    },
  }
}

interface Token {
  readonly value: string
  /** When it is replaced, in milliseconds since 1970. */
  readonly until_ms: number
}

/** Makes a source of tokens for one service account. Reads and sends nothing before the first is wanted. */
export function createTokenSource(needs: TokenNeeds): TokenSource {
  let kept: Token | undefined
  let exchange: Promise<Token> | undefined
  const exchangeOnce = () => {
    exchange ??= exchangeKey(needs)
      .then((token) => (kept = token))
      .finally(() => (exchange = undefined))
    return exchange
  }
  return {
    async token(signal) {
      signal.throwIfAborted()
      if (kept !== undefined && needs.now() < kept.until_ms) return kept.value
      return (await unlessAborted(exchangeOnce(), signal)).value
    },
    forget(token) {
      if (kept?.value === token) kept = undefined
    },
  }
}

function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = Promise.withResolvers<never>()
  const stop = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  return Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener('abort', stop))
}

async function exchangeKey(needs: TokenNeeds): Promise<Token> {
  const { transport, userAgent, timeouts, now } = needs
  const account = await readAccount(needs.credentialsFile)
  const asked_ms = now()
  const answer = await transport
    .send({
      method: 'POST',
      url: account.tokenUrl,
      headers: {
        'user-agent': userAgent,
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: signedClaim(account, Math.floor(asked_ms / 1000)),
      }).toString(),
      firstByte_ms: timeouts.connect_ms,
      idle_ms: timeouts.connect_ms,
      signal: new AbortController().signal, // The exchange is everybody's: whoever leaves does not end it.
    })
    .catch(unanswered)
  return readToken(answer, asked_ms)
}

interface ServiceAccount {
  readonly email: string
  readonly key: ReturnType<typeof createPrivateKey>
  readonly keyId: string | undefined
  readonly tokenUrl: URL
}

async function readAccount(path: string): Promise<ServiceAccount> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) =>
    refuse(`credentials_file cannot be read: ${cause.code ?? 'unknown reason'}`),
  )
  const file = parseJson(text)
  if (!isJsonObject(file)) return refuse('credentials_file is not a JSON object')
  const { type, client_email: email, private_key: pem, private_key_id: keyId, token_uri: tokenUrl } = file
  if (type !== 'service_account') return refuse('credentials_file is not the key file of a service account')
  if (typeof email !== 'string' || typeof pem !== 'string') {
    return refuse('credentials_file has no client_email or no private_key')
  }
  const url = URL.parse(typeof tokenUrl === 'string' ? tokenUrl : TOKEN_URL)
  if (url === null) return refuse('credentials_file has a token_uri that is no URL')
  return { email, key: readKey(pem), keyId: typeof keyId === 'string' ? keyId : undefined, tokenUrl: url }
}

function readKey(pem: string): ServiceAccount['key'] {
  try {
    return createPrivateKey(pem)
  } catch {
    return refuse('credentials_file has a private_key that is none') // What was wrong with it may quote it.
  }
}

/** A JSON Web Token in which the account says who it is, signed with its key. */
function signedClaim({ email, key, keyId, tokenUrl }: ServiceAccount, now_s: number): string {
  const header = { alg: 'RS256', typ: 'JWT', kid: keyId }
  const claim = { iss: email, scope: SCOPE, aud: tokenUrl.href, iat: now_s, exp: now_s + LIFETIME_S }
  const signed = [header, claim].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`
}

async function readToken({ status, body }: TransportAnswer, asked_ms: number): Promise<Token> {
  const text = await readText(body, ERROR_BODY_BYTES_MAX).catch(unanswered)
  if (status === 429 || status >= 500) return unanswered(new Error(`The token endpoint answered ${status}.`))
  const answer = parseJson(text)
  const { access_token: value, expires_in: lifetime_s, error } = isJsonObject(answer) ? answer : {}
  if (status !== 200 || typeof value !== 'string' || value === '') {
    const code = typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? ` ${error}` : ''
    return refuse(`the token endpoint answered ${status}${code} instead of a token`)
  }
  const lifetime_ms = 1000 * (typeof lifetime_s === 'number' && lifetime_s > 0 ? lifetime_s : LIFETIME_S)
  return { value, until_ms: asked_ms + lifetime_ms - Math.min(MARGIN_MS, lifetime_ms / 2) }
}

/** The credentials are of no use: the operator reads why in the log. */
function refuse(why: string): never {
  throw new UpstreamError({
    fault: 'auth',
    message: 'The model provider refused the credentials that this server is configured with.',
    cause: new Error(why),
  })
}

/** Nobody has said yes or no: the model provider has not been asked. */
function unanswered(cause: unknown): never {
  const isTimeout = cause instanceof TransportError && cause.isTimeout
  throw new UpstreamError({
    fault: isTimeout ? 'timeout' : 'unavailable',
    message: isTimeout ? 'The model provider did not answer in time.' : 'The model provider cannot be reached.',
    accepted: false,
    cause,
  })
}
