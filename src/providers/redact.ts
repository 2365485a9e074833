/** Longest piece of a provider's message that a client is shown, in characters. */
const MESSAGE_CHARS_MAX = 1000

/** Shorter ones are no secrets, and stand in ordinary words. */
const SECRET_CHARS_MIN = 4

/** What keys and account ids of the field look like, in prose and in URLs. */
const KEY_SHAPES =
  /\b(?:sk|csk|pk|rk|gsk|xai|hf|r8|nvapi|pplx|fw|tgp|key|org|proj)[-_][A-Za-z0-9_*-]{8,}|\bAIza[\w-]{20,}|\bya29\.[\w.-]{8,}|(?<=\b(?:Bearer|Basic)\s)[^\s"',]{8,}|(?<=[?&](?:key|api_key|token)=)[^\s&"']+/gi

/**
 * Ids of accounts, where messages are known to name them: Anthropic's organizations, Google's projects and service
 * accounts, accounts and access keys of AWS. Every repetition is bounded, for a message may be long.
 */
const ACCOUNT_SHAPES =
  /(?<=\borg(?:anization)?[\s:("']{1,4})[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=\b(?:project_number:|projects?[\s/]))\d{6,}|(?<=\bprojects\/)[\w.:-]{4,}|[\w.-]{1,64}@[\w.-]{1,64}\.gserviceaccount\.com|(?<=\barn:aws[a-z-]{0,16}:[a-z0-9-]{0,32}:[a-z0-9-]{0,32}:)\d{12}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/gi

/** A provider's words as a client may read them: no key of ours or of that shape, no novel. */
export function redact(text: string, secrets: readonly string[]): string {
  const hidden = spellingsOf(secrets)
    .reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text)
    .replace(KEY_SHAPES, '[redacted]')
    .replace(ACCOUNT_SHAPES, '[redacted]')
  return hidden.length > MESSAGE_CHARS_MAX ? `${hidden.slice(0, MESSAGE_CHARS_MAX).toWellFormed()}…` : hidden
}

/** Secrets as they are, in Base64, in URLs and in forms: the longest first, for one may begin with another. */
export function spellingsOf(secrets: readonly string[]): readonly string[] {
  const spellings = secrets.flatMap((secret) => {
    if (secret.length < SECRET_CHARS_MIN) return []
    const bytes = Buffer.from(secret)
    const inUrl = encodeURIComponent(secret)
    return [
      secret,
      bytes.toString('base64').replace(/=+$/, ''),
      bytes.toString('base64url'),
      inUrl,
      inUrl.replace(/%../g, (code) => code.toLowerCase()),
      new URLSearchParams({ '': secret }).toString().slice(1),
    ]
  })
  return [...new Set(spellings)].toSorted((one, other) => other.length - one.length)
}
