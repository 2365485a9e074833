/** A chunk as a server-sent event. */
export function frame(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\r\n\r\n`
}

/** A chunk with one part. */
export function part(said: object, candidate: object = {}): string {
  return frame(chunk(said, candidate))
}

/** A chunk with a text. */
export function says(text: string, candidate: object = {}): string {
  return part({ text }, candidate)
}

/** A chunk as it is read: anything may be in it. */
export function chunk(said: unknown, candidate: object = {}, rest: object = {}): object {
  return { candidates: [{ content: { role: 'model', parts: [said] }, index: 0, ...candidate }], ...rest }
}
