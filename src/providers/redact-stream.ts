import { spellingsOf } from './redact.ts'

const REDACTED = Buffer.from('[redacted]')

/**
 * A provider's body as a client may read it: every byte as it came, but for secrets. What might be the
 * beginning of one waits for the next read, and nothing else does.
 */
export async function* redactStream(
  body: AsyncIterable<Uint8Array>,
  secrets: readonly string[],
): AsyncGenerator<Uint8Array> {
  const hidden = spellingsOf(secrets).map((spelling) => Buffer.from(spelling))
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of body) {
    const clean = hidden.reduce(withoutSecret, Buffer.concat([held, chunk]))
    const end = clean.length - heldLength(clean, hidden)
    if (end > 0) yield clean.subarray(0, end)
    held = clean.subarray(end)
  }
  if (held.length > 0) yield held
}

function withoutSecret(bytes: Buffer, secret: Buffer): Buffer {
  const parts: Buffer[] = []
  let start = 0
  for (let at = bytes.indexOf(secret); at !== -1; at = bytes.indexOf(secret, start)) {
    parts.push(bytes.subarray(start, at), REDACTED)
    start = at + secret.length
  }
  return start === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(start)])
}

/** How many bytes at the end may be the beginning of a secret. */
function heldLength(bytes: Buffer, secrets: readonly Buffer[]): number {
  let longest = 0
  for (const secret of secrets) {
    const from = Math.max(bytes.length - secret.length + 1, 0)
    for (let at = bytes.indexOf(secret[0] ?? 0, from); at !== -1; at = bytes.indexOf(secret[0] ?? 0, at + 1)) {
      const rest = bytes.subarray(at)
      if (secret.subarray(0, rest.length).equals(rest)) longest = Math.max(longest, rest.length)
    }
  }
  return longest
}
