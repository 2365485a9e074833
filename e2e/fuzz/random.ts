/** Chance that can be repeated: the same seed gives the same choices. */
export interface Random {
  /** A whole number from 0, below `end`. */
  below(end: number): number
  /** One of a list that is not empty. */
  pick<Item>(items: readonly Item[]): Item
  chance(probability: number): boolean
}

/**
 * Makes a source of chance: mulberry32, 32 bits of state.
 *
 * @see https://github.com/cprosche/mulberry32 (read 2026-11-22)
 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (end: number) => Math.floor(next() * end)
  return {
    below,
    pick: <Item>(items: readonly Item[]) => items[below(items.length)] as Item, // The index is inside the list.
    chance: (probability) => next() < probability,
  }
}
