/**
 * The form of an `Idempotency-Key`, as a regular expression: visible ASCII and spaces; a comma would be two headers in
 * one.
 */
export const IDEMPOTENCY_KEY_PATTERN = String.raw`^[\x20-\x2b\x2d-\x7e]{1,255}$`
