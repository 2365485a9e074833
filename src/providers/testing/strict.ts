// What a request holds is for a strict fake to find out: nothing about its shape is certain.
export type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/** Says what is wrong, where it is. */
export type Blame = (fault: string) => void

/** The objects in what should be a list; anything else is blamed. */
export function listIn(value: unknown, blame: Blame, name: string): Loose[] {
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'object' && entry !== null))
    return value as Loose[]
  blame(`${name} must be a list of objects`)
  return []
}

/** Blames every key that is not known. */
export function onlyKeys(value: Loose, known: ReadonlySet<string>, blame: Blame): void {
  for (const key of Object.keys(value)) if (!known.has(key)) blame(`unknown field ${key}`)
}

/** Blames a text that is empty, or nothing but blanks. */
export function needText(value: unknown, blame: Blame, name: string): void {
  if (typeof value !== 'string' || value.trim() === '') blame(`${name} must be text that is not blank`)
}

/** Whether text is base64, as bytes in JSON are. */
export function isBase64(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && /^[A-Za-z0-9+/]+={0,2}$/.test(value) && value.length % 4 === 0
}

/** Blames calls and results that do not answer each other, one for one. */
export function needPairs(calls: readonly string[], results: readonly string[], blame: Blame): void {
  if (JSON.stringify(calls.toSorted()) !== JSON.stringify(results.toSorted())) {
    blame(`results [${results.join(', ')}] must answer the calls [${calls.join(', ')}] right before them`)
  }
}

/** Blames ids that were used before. */
export function needNew(ids: readonly string[], seen: Set<string>, blame: Blame): void {
  for (const id of ids) {
    if (seen.has(id)) blame(`the call id ${id} is used twice`)
    seen.add(id)
  }
}
