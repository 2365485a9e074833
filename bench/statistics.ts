/** The middle of some numbers; between the two middle ones where there are two. NaN for none. */
export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5)
}

/** The value below which a share of some numbers lies, interpolated. NaN for none. @param share From 0 to 1. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((one, other) => one - other)
  const place = (sorted.length - 1) * share
  const [below, above] = [sorted[Math.floor(place)] ?? Number.NaN, sorted[Math.ceil(place)] ?? Number.NaN]
  return below + (above - below) * (place - Math.floor(place))
}

/** A figure as several rounds gave it. */
export interface Figure {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** Median and spread of some rounds. */
export function figureOf(numbers: readonly number[]): Figure {
  return { median: median(numbers), least: Math.min(...numbers), most: Math.max(...numbers) }
}
