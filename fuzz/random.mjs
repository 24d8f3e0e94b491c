// @ts-check
/** Numbers that look random and follow from a seed alone, so that a run can be repeated. */

/** @typedef {ReturnType<typeof createRandom>} Random */

/** @param {number} seed a whole number */
export function createRandom(seed) {
  let state = seed | 0

  /** Mulberry32: a whole number below `limit`. @param {number} limit */
  function below(limit) {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % limit
  }

  return {
    below,
    /** True once in `times`. @param {number} times */
    once: (times) => below(times) === 0,
    /** @template T @param {readonly T[]} all @returns {T} */
    pick: (all) => /** @type {T} */ (all[below(all.length)]),
    /** @param {number} length */
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
    /** So many times what `make` gives. @template T @param {number} count @param {() => T} make */
    list: (count, make) => Array.from({ length: count }, make),
  }
}
