// @ts-check
/** How a figure is read from what a command printed or wrote. */

/**
 * @typedef {{ figure: string; holds: boolean }} Figure `holds`: false where the command itself says that a goal was missed
 * @typedef {(text: string) => Figure | null} Reader null where the figure is not there
 */

/**
 * The last line that fits; `$1` in `shown` is its first group.
 *
 * @param {RegExp} pattern
 * @param {string} [shown]
 * @param {(match: RegExpExecArray, text: string) => boolean} [holds]
 * @returns {Reader}
 */
export function line(pattern, shown = '$&', holds = () => true) {
  return (text) => {
    const found = text.split('\n').findLast((each) => pattern.test(each))
    const match = found === undefined ? null : pattern.exec(found)
    return match && { figure: match[0].replace(pattern, shown).trim(), holds: holds(match, text) }
  }
}

/** Fields of the JSON object that a command prints at its end. @param {(report: any) => Figure} read @returns {Reader} */
export function report(read) {
  return (text) => {
    const lines = text.split('\n')
    for (let start = lines.length - 1; start >= 0; start--) {
      if (!lines[start]?.startsWith('{')) continue
      const end = lines.findIndex((each, index) => index >= start && each.endsWith('}') && /^[{}]/.test(each))
      try {
        return read(JSON.parse(lines.slice(start, end + 1).join('\n')))
      } catch {
        // It only looked like the report.
      }
    }
    return null
  }
}

/**
 * A table of bench/RESULTS.md: what Portcullis and what is written by hand cost, beside bare Socket.IO or as it is.
 *
 * @param {RegExp} title @param {RegExp} [rows] of interest @returns {Reader}
 */
export function benchTable(title, rows = /portcullis|hand|socket\.use/) {
  return (text) => {
    const lines = text.split('\n')
    const start = lines.findIndex((each) => /^##+ /.test(each) && title.test(each))
    if (start < 0) return null
    const length = lines.slice(start + 1).findIndex((each) => /^##+ /.test(each))
    const section = lines.slice(start, length < 0 ? undefined : start + 1 + length)
    const table = section.filter((each) => each.startsWith('|')).map(cellsOf)
    const [head, , ...body] = table
    if (head === undefined) return null
    const compared = head.findIndex((cell) => cell === 'ratio' || cell === 'more than')
    const goal = head.indexOf('goal')
    const shown = body
      .filter(([variant = '']) => rows.test(variant))
      .map((cells) => {
        const figure = compared >= 0 && cells[compared] ? cells[compared] : `${cells[1]} ${head[1]}`
        return `${cells[0]} ${figure}${goal >= 0 && cells[goal] ? ` (goal ${cells[goal]?.replaceAll('*', '')})` : ''}`
      })
    // A goal that was missed is a figure as well: the report says where it lost.
    return shown.length === 0 ? null : { figure: shown.join('; '), holds: true }
  }
}

/** Rows of docs/faults.md. @param {...string} ids @returns {Reader} */
export function faultRows(...ids) {
  return (text) => {
    const rows = text
      .split('\n')
      .filter((each) => each.startsWith('|'))
      .map(cellsOf)
    const [head = []] = rows
    const [seen, met] = [head.indexOf('seen'), head.indexOf('met')]
    const found = ids.map((id) => rows.find(([first]) => first === id))
    if (seen < 0 || found.includes(undefined)) return null
    return {
      figure: found.map((row, index) => `${ids[index]}: ${row?.[seen]}`).join('; '),
      holds: found.every((row) => row?.[met] === 'yes'),
    }
  }
}

/** The share of mutants that tests noticed, as Stryker counts it. @returns {Reader} */
export function mutationScore() {
  return (text) => {
    /** @type {{ files: Record<string, { mutants: { status: string }[] }>; thresholds: { break: number } }} */
    const { files, thresholds } = JSON.parse(text)
    const states = Object.values(files).flatMap(({ mutants }) => mutants.map(({ status }) => status))
    const count = (/** @type {string[]} */ ...wanted) => states.filter((state) => wanted.includes(state)).length
    const [noticed, missed] = [count('Killed', 'Timeout'), count('Survived', 'NoCoverage')]
    const percent = (100 * noticed) / (noticed + missed)
    return {
      figure: `${noticed} of ${noticed + missed} mutants, ${percent.toFixed(1)} %`,
      holds: percent >= thresholds.break,
    }
  }
}

/** @param {string} row */
function cellsOf(row) {
  return row
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim())
}
