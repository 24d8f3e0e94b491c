// @ts-check
/** What a fault is, and what playing it showed. */

/**
 * @typedef {object} Outcome
 * @property {string} seen figures, in words
 * @property {string[]} missed parts of the goal that were not met, in words; empty when it was
 */

/**
 * @typedef {object} Scenario
 * @property {string} id as in the plan: F1 to F22
 * @property {string} fault
 * @property {string} done what is done here, with counts
 * @property {string} goal
 * @property {number} seconds after which it has failed
 * @property {(played: { quick: boolean, log: (line: string) => void }) => Promise<Outcome>} play
 */

/** @param {Scenario} scenario @returns {Scenario} */
export function fault(scenario) {
  return scenario
}

/** The names of those that do not hold. @param {Record<string, boolean>} goals @returns {string[]} */
export function missedOf(goals) {
  return Object.entries(goals).flatMap(([goal, met]) => (met ? [] : [goal]))
}

/** @param {readonly number[]} values @param {number} q from 0 to 1 */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
}

/** @param {number} ms */
export function ms(ms) {
  return ms < 10 ? `${ms.toFixed(1)} ms` : ms < 10_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`
}
