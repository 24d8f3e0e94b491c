// @ts-check
/** The TypeScript and JavaScript of a Markdown file, as programs that can be compiled. */

/** @typedef {import('./markdown.mjs').Fence} Fence */

/**
 * @typedef {object} Program
 * @property {string} path of a file that exists in memory only
 * @property {string} text
 * @property {number[]} lines the Markdown line of each line of `text`
 */

/** @type {Readonly<Record<string, string>>} */
const EXTENSIONS = { ts: '.ts', typescript: '.ts', mts: '.ts', js: '.js', javascript: '.js', mjs: '.js' }

/**
 * `ts` begins a program, `ts continue` goes on with the one before, `ts no-check: reason` is left out.
 *
 * @param {string} path that the programs' names begin with
 * @param {readonly Fence[]} fences
 * @returns {{ programs: Program[]; skipped: { line: number; reason: string }[]; violations: { line: number; what: string }[] }}
 */
export function readPrograms(path, fences) {
  /** @type {Program[]} */
  const programs = []
  /** @type {{ line: number; what: string }[]} */
  const violations = []
  /** @type {{ line: number; reason: string }[]} */
  const skipped = []
  for (const { language, note, line, lines } of fences) {
    const extension = EXTENSIONS[language]
    if (extension === undefined) continue
    const [word = ''] = note.split(/[\s:]/)
    const last = programs.at(-1)
    if (word === 'no-check') {
      const reason = /^no-check:\s+(\S.*)/.exec(note)?.[1]
      if (reason === undefined) {
        const what = `"${language} ${note}" gives no reason; write "${language} no-check: why"`
        violations.push({ line: line - 1, what })
      } else {
        skipped.push({ line: line - 1, reason })
      }
    } else if (word === 'continue' && last === undefined) {
      violations.push({ line: line - 1, what: `"${language} continue" has no snippet before it to go on with` })
    } else if (word === 'continue' && last !== undefined) {
      last.text += `\n${lines.join('\n')}`
      last.lines.push(...lines.map((_, i) => line + i))
    } else if (word !== '') {
      violations.push({ line: line - 1, what: `"${language} ${note}" is neither "no-check: why" nor "continue"` })
    } else {
      programs.push({
        path: `${path}.${line}${extension}`,
        text: lines.join('\n'),
        lines: lines.map((_, i) => line + i),
      })
    }
  }
  return { programs, skipped, violations }
}
