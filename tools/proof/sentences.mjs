// @ts-check
/** What a README says, one claim at a time: each sentence of its prose, each item of a list and each row of a table. */

/**
 * @typedef {object} Sentence
 * @property {string} section the heading above it; '' before the first
 * @property {number} line
 * @property {string} text without marks of emphasis, code and links, as `plain` gives it
 */

const HEADING = /^#{1,6}\s+(.*)$/
const FENCE = /^\s*(```|~~~)/
const ITEM = /^\s*(?:[-*]|\d+\.)\s+/
const RULE = /^\|[\s:|-]+\|$/

/**
 * Headings, code and the first row of a table claim nothing.
 *
 * @param {string} markdown
 * @returns {Sentence[]}
 */
export function readSentences(markdown) {
  /** @type {Sentence[]} */
  const found = []
  const lines = markdown.split(/\r?\n/)
  let section = ''
  let fenced = false
  /** @type {{ line: number; text: string; item: boolean } | null} */
  let open = null
  const close = () => {
    if (open === null) return
    const { line, text, item } = open
    for (const sentence of item ? [text] : split(text)) found.push({ section, line, text: plain(sentence) })
    open = null
  }
  for (const [index, line] of lines.entries()) {
    const isFence = FENCE.test(line)
    const heading = HEADING.exec(line)?.[1]
    const isRow = line.startsWith('|')
    if (fenced || isFence || heading !== undefined || isRow || line.trim() === '' || ITEM.test(line)) close()
    if (isFence) fenced = !fenced
    if (fenced || isFence || line.trim() === '') continue
    if (heading !== undefined) section = plain(heading)
    else if (isRow) {
      if (!RULE.test(line) && !RULE.test(lines[index + 1] ?? ''))
        found.push({
          section,
          line: index + 1,
          text: plain(line.replace(/^\|\s*|\s*\|$/g, '').replace(/\s*\|\s*/g, ' | ')),
        })
    } else if (ITEM.test(line)) open = { line: index + 1, text: line.replace(ITEM, ''), item: true }
    else if (open === null) open = { line: index + 1, text: line.trim(), item: false }
    else open.text += ` ${line.trim()}`
  }
  close()
  return found.filter(({ text }) => text !== '')
}

/** At a full stop, a question mark or a colon's end that a new sentence follows. @param {string} text */
function split(text) {
  return text.split(/(?<=[.?!]["”)]?)\s+(?=["“(]?[A-Z`[])/)
}

/** Without what only shows how it is set. @param {string} text */
export function plain(text) {
  return text
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[`*]/g, '')
    .replace(/\s+/g, ' ')
    .trim()
}

/** The paragraph after the title. @param {string} markdown */
export function firstParagraph(markdown) {
  return markdown
    .split(/\r?\n\s*\r?\n/)
    .slice(0, 2)
    .join('\n\n')
}
