/** Marks the branch that the compiler has proved empty: a new variant then fails to compile there. */
export function unreachable(value: never): never {
  throw new Error(`Unexpected variant: ${JSON.stringify(value)}`)
}
