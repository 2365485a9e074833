import { FetchFault } from './fetch-fault.ts'

/** Longest URL that is fetched, in characters. */
export const URL_CHARS_MAX = 8192

const FORM = `must be an https URL with port 443, of at most ${URL_CHARS_MAX} characters, without user name, password, blanks, control characters and backslashes`

/** Blanks, controls of both sets, and what browsers read as a slash. */
const UNSAFE = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029\ufeff\\]/

/**
 * Reads the URL that a user gives: the only time that its text is read.
 *
 * @param allowed Origins of the operator, as `URL` spells them, that may have any port, and `http:` too.
 * @throws {FetchFault} It is not `https:` on port 443, or may be read differently by others.
 */
export function readUserUrl(text: string, allowed: ReadonlySet<string>): URL {
  const url = readUrl({ text, allowed })
  if (url === undefined) throw new FetchFault(FORM)
  return url
}

/**
 * Reads where an answer leads on to.
 *
 * @throws {FetchFault} It breaks a rule that a URL of a user has to keep.
 */
export function readRedirect(location: string, from: URL, allowed: ReadonlySet<string>): URL {
  const url = readUrl({ text: location, allowed, from })
  if (url === undefined) throw new FetchFault('is redirected to a URL that is not fetched: use the last one')
  return url
}

function readUrl({ text, allowed, from }: { text: string; allowed: ReadonlySet<string>; from?: URL }): URL | undefined {
  if (text.length > URL_CHARS_MAX || UNSAFE.test(text) || !URL.canParse(text, from)) return undefined
  const url = new URL(text, from)
  if (url.username !== '' || url.password !== '') return undefined
  const isHttps = url.protocol === 'https:'
  // The protocol counts besides: the origin of a blob is that of the page inside it.
  const isAllowed = (isHttps || url.protocol === 'http:') && allowed.has(url.origin)
  return isAllowed || (isHttps && url.port === '') ? url : undefined
}
