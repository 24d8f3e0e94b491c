// @ts-check
/** A table of the report: rows with a series of figures each, one beside another, and what PERFORMANCE asks of them. */

import { beside, summarize } from './statistics.mjs'

/**
 * @typedef {object} Goal
 * @property {string} text as PERFORMANCE has it: `≤ 1.15`
 * @property {boolean} met
 * @property {string} [measured] where it is asked of something else than the comparison with the other row
 */

/**
 * @typedef {object} Row
 * @property {string} variant
 * @property {'base' | 'peer' | 'ours'} role what else does the work, or what is measured here
 * @property {readonly number[]} values round by round; empty when the variant could not run, and `why` says why
 * @property {string} [against] the variant that it is set beside; default the first row
 * @property {readonly string[]} [more] cells of the table's further columns
 * @property {(row: Compared) => Goal} [goal]
 * @property {string} [group] peers are those of the same group; default: all rows are one
 * @property {string} [why] it could not run
 */

/**
 * @typedef {object} Table
 * @property {string} name for `--only`
 * @property {string} title
 * @property {string} method in a sentence or two: what was counted, how often
 * @property {string} unit of the figures
 * @property {number} [digits] after the point; default 1
 * @property {'ratio' | 'difference' | 'none'} compare
 * @property {'comparison'} [judged] peers are cheaper by what they are more than something; default: by their figure, or their ratio
 * @property {readonly string[]} [columns] further ones, with the rows' `more`
 * @property {readonly Row[]} rows
 * @property {readonly string[]} [notes]
 * @property {import('./plot.mjs').Lines} [lines] drawn instead of bars
 */

/** @typedef {import('./statistics.mjs').Summary} Summary */
/** @typedef {{ row: Row, figure: Summary | null, comparison: Summary | null, against: string | null }} Compared */

/** Every row with its medians, and with what it is set beside. @param {Table} table @returns {Compared[]} */
export function compareRows({ rows, compare }) {
  const byName = new Map(rows.map((row) => [row.variant, row]))
  return rows.map((row) => {
    if (row.values.length === 0) return { row, figure: null, comparison: null, against: null }
    const base = row.against === undefined ? rows[0] : byName.get(row.against)
    if (base === undefined) throw new Error(`no row is called ${row.against}`)
    const figure = summarize(row.values)
    if (compare === 'none') return { row, figure, comparison: null, against: null }
    const comparison = summarize(beside(row.values, base.values, compare))
    return { row, figure, comparison, against: base.variant }
  })
}

/**
 * A goal for the comparison with the other row, or where nothing is compared for the figure itself.
 *
 * @param {number} limit @param {string} [unit]
 * @returns {(compared: Compared) => Goal}
 */
export function atMost(limit, unit = '') {
  return ({ figure, comparison }) => {
    const measured = (comparison ?? figure)?.median ?? Number.NaN
    return { text: `≤ ${limit}${unit === '' ? '' : ` ${unit}`}`, met: measured <= limit }
  }
}

/**
 * The same for some other figure than the median.
 *
 * @param {string} text @param {number} measured @param {number} limit @param {string} [unit] of both
 * @returns {() => Goal}
 */
export function within(text, measured, limit, unit = '') {
  const shown = `${Number(measured.toPrecision(3))}${unit === '' ? '' : ` ${unit}`}`
  return () => ({ text, met: measured <= limit, measured: shown })
}
