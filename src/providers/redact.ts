/** Longest piece of a provider's message that a client is shown, in characters. */
const MESSAGE_CHARS_MAX = 1000

/** What keys and account ids of the field look like, in prose and in URLs. */
const KEY_SHAPES =
  /\b(?:sk|csk|pk|rk|gsk|xai|hf|r8|nvapi|pplx|fw|tgp|key|org|proj)[-_][A-Za-z0-9_*-]{8,}|\bAIza[\w-]{20,}|(?<=\b(?:Bearer|Basic)\s)[^\s"',]{8,}|(?<=[?&](?:key|api_key|token)=)[^\s&"']+/gi

/** A provider's words as a client may read them: no key of ours or of that shape, no novel. */
export function redact(text: string, secrets: readonly string[]): string {
  const hidden = secrets
    .filter((secret) => secret.length >= 4)
    .toSorted((one, other) => other.length - one.length) // A secret may begin with another.
    .reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text)
    .replace(KEY_SHAPES, '[redacted]')
  return hidden.length > MESSAGE_CHARS_MAX ? `${hidden.slice(0, MESSAGE_CHARS_MAX).toWellFormed()}…` : hidden
}
