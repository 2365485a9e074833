/** Prints a line or more to standard output. */
export function say(text: string): number {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
  return 0
}

/** Prints what went wrong to standard error. */
export function fail(text: string): number {
  process.stderr.write(text.endsWith('\n') ? text : `${text}\n`)
  return 1
}
