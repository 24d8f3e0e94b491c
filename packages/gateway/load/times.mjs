// @ts-check
/** Moments, and how they lie. */

/**
 * The most that lie within any `windowMs`.
 *
 * @param {readonly number[]} times epoch milliseconds, in any order
 * @param {number} windowMs
 */
export function peakOf(times, windowMs) {
  const sorted = [...times].sort((a, b) => a - b)
  let [most, first] = [0, 0]
  for (const [index, time] of sorted.entries()) {
    while ((sorted[first] ?? time) <= time - windowMs) first += 1
    most = Math.max(most, index - first + 1)
  }
  return most
}

/**
 * When the first tenth, the half and nine tenths had been. Milliseconds since `sinceMs`; null when there were none.
 *
 * @param {readonly number[]} times
 * @param {number} sinceMs
 */
export function spreadOf(times, sinceMs) {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (/** @type {number} */ share) => {
    const time = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
    return time === undefined ? null : time - sinceMs
  }
  return { first: at(0), tenth: at(0.1), half: at(0.5), nineTenths: at(0.9), last: at(1) }
}
