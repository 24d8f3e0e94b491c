// @ts-check
/** Medians with quartiles, and one series beside another taken in the same rounds. */

/** @typedef {{ q1: number, median: number, q3: number }} Summary */

/** @param {readonly number[]} values at least one @returns {Summary} */
export function summarize(values) {
  return { q1: percentile(values, 0.25), median: percentile(values, 0.5), q3: percentile(values, 0.75) }
}

/** Between two values in proportion, as R-7. @param {readonly number[]} values at least one @param {number} share 0 to 1 */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  const position = (sorted.length - 1) * share
  const low = sorted[Math.floor(position)] ?? Number.NaN
  const high = sorted[Math.ceil(position)] ?? low
  return low + (high - low) * (position - Math.floor(position))
}

/** How far the median may be off, one standard error, when most of the values are normal. @param {readonly number[]} values */
export function medianError(values) {
  const { q1, q3 } = summarize(values)
  return (1.2533 * (q3 - q1)) / 1.349 / Math.sqrt(values.length)
}

/**
 * Round by round, so that what slows a whole round down cancels out.
 *
 * @param {readonly number[]} values
 * @param {readonly number[]} base of the same rounds
 * @param {'ratio' | 'difference'} how
 */
export function beside(values, base, how) {
  return values.map((value, round) => {
    const other = base[round] ?? Number.NaN
    return how === 'ratio' ? value / other : value - other
  })
}
