/** Random numbers that a seed decides. */

export interface Rng {
  /** From 0 up to, and without, 1. */
  next(): number
  /** From `low` up to, and without, `high`. */
  between(low: number, high: number): number
  chance(probability: number): boolean
  /** One of a list that is not empty. */
  pick<T>(items: readonly T[]): T
}

/** Mulberry32: 32 bits of state, which is plenty for telling seeds apart. */
export function createRng(seed: number): Rng {
  // Seeds that follow one another would begin alike.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    between: (low, high) => low + next() * (high - low),
    chance: (probability) => next() < probability,
    pick: (items) => items[Math.floor(next() * items.length)] as (typeof items)[number],
  }
}
