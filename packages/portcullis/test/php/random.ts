/** Numbers that look random and are the same in every run. */

/** `random(n)` is a whole number from 0 to n - 1 (xorshift32). */
export function randomOf(seed: number): (below: number) => number {
  let state = seed
  return function random(below) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
