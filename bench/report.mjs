// @ts-check
/** The tables as Markdown, and where they say that somebody else is cheaper. */

import { compareRows } from './table.mjs'

/** @typedef {import('./table.mjs').Table} Table */
/** @typedef {import('./table.mjs').Compared} Compared */
/** @typedef {import('./statistics.mjs').Summary} Summary */

/** @param {Table} table @returns {string} */
export function sectionOf(table) {
  const compared = compareRows(table)
  const columns = ['variant', table.unit, 'quartiles', ...comparisonColumns(table), ...(table.columns ?? []), 'goal']
  const rows = compared.map((each) => {
    const { row, figure, comparison } = each
    const cells = figure === null ? [`– (${row.why ?? 'not measured'})`, ''] : cellsOf(figure, table.digits ?? 1, '')
    const other = table.compare === 'none' ? [] : comparisonCells(comparison, table, each)
    const more = (table.columns ?? []).map((_, index) => row.more?.[index] ?? '')
    return `| ${[row.variant, ...cells, ...other, ...more, goalCell(each)].join(' | ')} |`
  })
  return [
    `## ${table.title}`,
    '',
    table.method,
    '',
    `| ${columns.join(' | ')} |`,
    `|${columns.map(() => '---').join('|')}|`,
    ...rows,
    '',
    ...(table.notes ?? []).flatMap((note) => [note, '']),
    `![${alternativeText(table, compared)}](plots/${table.name}.svg)`,
  ].join('\n')
}

/** The figures in words, for whoever does not see the plot. @param {Table} table @param {Compared[]} compared */
function alternativeText({ title, unit, digits = 1 }, compared) {
  const figures = compared.flatMap(({ row, figure }) =>
    figure === null ? [] : [`${row.variant} ${number(figure.median, digits)}`],
  )
  return `${title}, ${unit}: ${figures.join('; ')}`.replaceAll(/[[\]]/g, '')
}

/** Goals that were missed, and peers that do with less than Portcullis. @param {readonly Table[]} tables */
export function whereItLost(tables) {
  const lines = tables.flatMap((table) => {
    const compared = compareRows(table)
    return [...missedGoals(table, compared), ...cheaperPeers(table, compared)].map(
      (text) => `- ${table.title}: ${text}.`,
    )
  })
  return ['## Where it lost', '', ...(lines.length > 0 ? lines : ['Nowhere in this run.'])].join('\n')
}

/** @param {Table} table @param {Compared[]} compared */
function missedGoals(table, compared) {
  return compared.flatMap((each) => {
    if (each.figure === null) return each.row.role === 'ours' ? [`${each.row.variant} was not measured`] : []
    const goal = each.row.goal?.(each)
    if (goal === undefined || goal.met) return []
    return [`the goal ${goal.text} was missed by **${each.row.variant}**, with ${missedBy(table, each)}`]
  })
}

/** What the goal was asked of. @param {Table} table @param {Compared} compared */
function missedBy(table, compared) {
  const { comparison, against, row, figure } = compared
  const measured = figure === null ? undefined : row.goal?.(compared).measured
  if (measured !== undefined) return measured
  if (table.compare !== 'difference' || comparison === null) return described(table, compared)
  return `${signed(comparison.median, table.digits ?? 1)} over ${against}`
}

/** @param {Table} table @param {Compared[]} compared */
function cheaperPeers(table, compared) {
  return compared.flatMap((ours) => {
    if (ours.row.role !== 'ours' || ours.figure === null) return []
    const cost = costOf(table, ours)
    const cheaper = compared.filter(
      (peer) => peer.row.role === 'peer' && peer.row.group === ours.row.group && costOf(table, peer) < cost,
    )
    if (cheaper.length === 0) return []
    const names = cheaper.map((peer) => `${peer.row.variant} (${described(table, peer)})`)
    return [`${ours.row.variant} (${described(table, ours)}) costs more than ${names.join(', ')}`]
  })
}

/** Ratios where there are any, since two rows may have two bases. @param {Table} table @param {Compared} compared */
function costOf({ compare, judged }, { figure, comparison }) {
  return (compare === 'ratio' || judged === 'comparison' ? comparison : figure)?.median ?? Number.NaN
}

/** @param {Table} table @param {Compared} compared */
function described({ unit, digits = 1, compare, judged }, { figure, comparison }) {
  if (compare === 'ratio' && comparison !== null) return number(comparison.median, 2)
  if (judged === 'comparison' && comparison !== null)
    return `${signed(comparison.median, digits)} ${unit.split(' ')[0]}`
  return figure === null ? '–' : `${number(figure.median, digits)} ${unit.split(' ')[0]}`
}

/** @param {Table} table */
function comparisonColumns({ compare }) {
  if (compare === 'none') return []
  return compare === 'ratio' ? ['ratio', 'quartiles'] : ['more than', 'quartiles']
}

/** @param {Summary | null} comparison @param {Table} table @param {Compared} compared */
function comparisonCells(comparison, { compare, digits = 1, rows }, { against }) {
  if (comparison === null) return ['', '']
  if (compare === 'ratio') {
    const other = against === rows[0]?.variant ? '' : ` of ${against}`
    return [`${number(comparison.median, 2)}${other}`, range(comparison, 2, number)]
  }
  return [`${signed(comparison.median, digits)} than ${against}`, range(comparison, digits, signed)]
}

/** @param {Summary} summary @param {number} digits @param {string} after */
function cellsOf(summary, digits, after) {
  return [`${number(summary.median, digits)}${after}`, range(summary, digits, number)]
}

/** @param {Summary} summary @param {number} digits @param {typeof number} format */
function range({ q1, q3 }, digits, format) {
  return `${format(q1, digits)} – ${format(q3, digits)}`
}

/** @param {Compared} compared */
function goalCell(compared) {
  if (compared.row.goal === undefined || compared.figure === null) return ''
  const { text, met } = compared.row.goal(compared)
  return `${text}: ${met ? 'met' : '**missed**'}`
}

/** @param {number} value @param {number} digits */
export function number(value, digits) {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** @param {number} value @param {number} digits */
function signed(value, digits) {
  return `${value < 0 ? '−' : '+'}${number(Math.abs(value), digits)}`
}
