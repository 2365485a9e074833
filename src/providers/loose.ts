/** The objects of what should be a list of them: providers send null, and worse. */
export function objectsIn<Entry extends object>(list: readonly Entry[] | null | undefined): readonly Entry[] {
  if (!Array.isArray(list)) return []
  return list.every(isObject) ? list : list.filter(isObject)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

/** What should be text: anything else is none. */
export function textIn(value: string | null | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** What should be a number: anything else is 0. */
export function numberIn(value: number | null | undefined): number {
  return typeof value === 'number' ? value : 0
}

/** Whether a value counts something: a whole number, and not below 0. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

/** The first value that counts something; 0 where none does. */
export function firstCount(...values: readonly unknown[]): number {
  return values.find(isCount) ?? 0
}

/** What should be an object: anything else is one without fields. */
export function objectIn<Fields extends object>(value: Fields | null | undefined): Partial<Fields> {
  return isObject(value) && !Array.isArray(value) ? (value ?? {}) : {}
}
