// @ts-check
/** Plots as SVG that reads in light and in dark: bars with the quartiles, or lines over a logarithmic scale. */

import { compareRows } from './table.mjs'

/** @typedef {{ name: string, points: readonly (readonly [x: number, y: number])[], role: 'base' | 'peer' | 'ours' }} Line */
/** @typedef {{ xLabel: string, yLabel: string, series: readonly Line[] }} Lines */

/** Pixels, of which a letter takes about so many. */
const LETTER = 7
const BARS = 380
const VALUE = 90
const ROW = 24
const TOP = 44
const CHART_LEFT = 70
const CHART_WIDTH = 460

const STYLE = `
  svg { background: #ffffff; font: 13px system-ui, sans-serif }
  text { fill: #1f2328 } .soft { fill: #59636e } .axis { stroke: #d1d9e0 } .whisker { stroke: #1f2328; stroke-width: 1.5 }
  .base { fill: #818b98; stroke: #818b98 } .peer { fill: #54aeff; stroke: #54aeff } .ours { fill: #bf8700; stroke: #bf8700 }
  .line { fill: none; stroke-width: 2 }
  text.base, text.peer, text.ours { stroke: none } text.base { fill: #59636e }
  text.peer { fill: #0969da } text.ours { fill: #7d4e00 }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117 }
    text { fill: #f0f6fc } .soft { fill: #9198a1 } .axis { stroke: #3d444d } .whisker { stroke: #f0f6fc }
    .peer { fill: #388bfd; stroke: #388bfd } .ours { fill: #d29922; stroke: #d29922 }
    text.peer { fill: #58a6ff } text.ours { fill: #d29922 } text.base { fill: #9198a1 }
  }`

/** @param {import('./table.mjs').Table} table @returns {string} */
export function plotOf(table) {
  return table.lines === undefined ? barsOf(table) : linesOf(table.title, table.lines)
}

/** @param {import('./table.mjs').Table} table */
function barsOf(table) {
  const { title, unit, digits = 1, compare } = table
  const bars = compareRows(table).flatMap(({ row, figure, comparison }) => {
    // Ratios, where there are any: the figures themselves differ from machine to machine.
    const shown = compare === 'ratio' ? comparison : figure
    return shown === null ? [] : [{ row, shown }]
  })
  const most = Math.max(...bars.map(({ shown }) => shown.q3), Number.MIN_VALUE)
  const left = widthOf(bars.map(({ row }) => row.variant)) + 16
  const x = (/** @type {number} */ value) => left + (Math.max(0, value) / most) * BARS
  const places = compare === 'ratio' ? 2 : digits
  const rows = bars.map(({ row, shown: { q1, median, q3 } }, index) => {
    const y = TOP + index * ROW
    const middle = y + ROW / 2
    return [
      text(left - 8, middle + 4, row.variant, 'text-anchor="end"'),
      `<rect class="${row.role}" x="${left}" y="${y + 5}" width="${fixed(x(median) - left)}" height="${ROW - 10}"/>`,
      `<path class="whisker" d="M${fixed(x(q1))} ${middle}H${fixed(x(q3))}M${fixed(x(q1))} ${middle - 3}v6M${fixed(x(q3))} ${middle - 3}v6"/>`,
      text(Math.max(x(q3), x(median)) + 8, middle + 4, median.toFixed(places), 'class="soft"'),
    ].join('')
  })
  const what = compare === 'ratio' ? `ratio of ${unit}` : unit
  return svg(left + BARS + VALUE, TOP + bars.length * ROW + 12, title, `${what}; median, with quartiles`, rows)
}

/** @param {string} title @param {Lines} lines */
function linesOf(title, { xLabel, yLabel, series }) {
  const points = series.flatMap((line) => line.points)
  const horizontal = logarithmic(
    points.map(([x]) => x),
    CHART_LEFT,
    CHART_LEFT + CHART_WIDTH,
  )
  const vertical = logarithmic(
    points.map(([, y]) => y),
    330,
    TOP + 20,
  )
  const axes = [
    ...horizontal.ticks.map((tick) => text(horizontal.at(tick), 350, short(tick), 'class="soft" text-anchor="middle"')),
    ...vertical.ticks.map(
      (tick) =>
        `<path class="axis" d="M${CHART_LEFT} ${fixed(vertical.at(tick))}h${CHART_WIDTH}"/>${text(CHART_LEFT - 6, vertical.at(tick) + 4, short(tick), 'class="soft" text-anchor="end"')}`,
    ),
  ]
  const drawn = labelled(series, vertical.at).map(({ line, labelY }) => {
    const path = line.points.map(
      ([x, y], i) => `${i === 0 ? 'M' : 'L'}${fixed(horizontal.at(x))} ${fixed(vertical.at(y))}`,
    )
    const dots = line.points.map(
      ([x, y]) => `<circle class="${line.role}" cx="${fixed(horizontal.at(x))}" cy="${fixed(vertical.at(y))}" r="3"/>`,
    )
    return `<path class="line ${line.role}" style="fill:none" d="${path.join('')}"/>${dots.join('')}${text(CHART_LEFT + CHART_WIDTH + 8, labelY + 4, line.name, `class="${line.role}"`)}`
  })
  const width = CHART_LEFT + CHART_WIDTH + 24 + widthOf(series.map(({ name }) => name))
  return svg(width, 362, title, `${yLabel}, over ${xLabel}; both logarithmic`, [...axes, ...drawn])
}

/** Names at the ends of the lines, kept from lying on one another. @param {readonly Line[]} series @param {(y: number) => number} at */
function labelled(series, at) {
  let lowest = -Infinity
  return series
    .map((line) => ({ line, endY: at(line.points.at(-1)?.[1] ?? 1) }))
    .sort((a, b) => a.endY - b.endY)
    .map(({ line, endY }) => {
      lowest = Math.max(endY, lowest + 16)
      return { line, labelY: lowest }
    })
}

/** @param {readonly number[]} values @param {number} from @param {number} to */
function logarithmic(values, from, to) {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))
  const at = (/** @type {number} */ value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from)
  return { at, ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)) }
}

/** @param {readonly string[]} labels */
function widthOf(labels) {
  return Math.max(...labels.map((label) => label.length)) * LETTER
}

/** @param {number} wanted @param {number} height @param {string} title @param {string} subtitle @param {readonly string[]} content */
function svg(wanted, height, title, subtitle, content) {
  const width = Math.max(wanted, widthOf([title, subtitle]) + 24)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">
<title id="title">${escaped(title)}: ${escaped(subtitle)}</title>
<style>${STYLE}
</style>
${text(12, 20, title, 'font-weight="600"')}
${text(12, 37, subtitle, 'class="soft"')}
${content.join('\n')}
</svg>
`
}

/** @param {number} x @param {number} y @param {string} content @param {string} [attributes] */
function text(x, y, content, attributes = '') {
  return `<text x="${fixed(x)}" y="${fixed(y)}" ${attributes}>${escaped(content)}</text>`
}

/** @param {string} value */
function escaped(value) {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** @param {number} value */
function short(value) {
  return value >= 1 ? value.toLocaleString('en-US') : String(Number(value.toPrecision(2)))
}

/** @param {number} value */
function fixed(value) {
  return value.toFixed(1)
}
