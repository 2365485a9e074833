/** Longest piece of a provider's message that a client is shown, in characters. */
const MESSAGE_CHARS_MAX = 1000

/** Shorter ones are no secrets, and stand in ordinary words. */
const SECRET_CHARS_MIN = 4

/** What keys and account ids of the field look like, in prose and in URLs. */
const KEY_SHAPES =
  /\b(?:sk|csk|pk|rk|gsk|xai|hf|r8|nvapi|pplx|fw|tgp|key|org|proj)[-_][A-Za-z0-9_*-]{8,}|\bAIza[\w-]{20,}|\bya29\.[\w.-]{8,}|(?<=\b(?:Bearer|Basic)\s)[^\s"',]{8,}|(?<=[?&](?:key|api_key|token)=)[^\s&"']+/gi

/** A provider's words as a client may read them: no key of ours or of that shape, no novel. */
export function redact(text: string, secrets: readonly string[]): string {
  const hidden = spellingsOf(secrets)
    .reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text)
    .replace(KEY_SHAPES, '[redacted]')
  return hidden.length > MESSAGE_CHARS_MAX ? `${hidden.slice(0, MESSAGE_CHARS_MAX).toWellFormed()}…` : hidden
}

/** Secrets as they are, in Base64 and in URLs: the longest first, for one may begin with another. */
export function spellingsOf(secrets: readonly string[]): readonly string[] {
  const spellings = secrets.flatMap((secret) => {
    if (secret.length < SECRET_CHARS_MIN) return []
    return [secret, Buffer.from(secret).toString('base64').replace(/=+$/, ''), encodeURIComponent(secret)]
  })
  return [...new Set(spellings)].toSorted((one, other) => other.length - one.length)
}
