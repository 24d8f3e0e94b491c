// @ts-check
/** The parts of a Markdown file that can be wrong: its code, its links and the headings that links lead to. */

/**
 * @typedef {object} Fence
 * @property {string} language in lower case
 * @property {string} note what follows the language
 * @property {number} line of the first line of code, from 1
 * @property {string[]} lines
 *
 * @typedef {{ target: string; line: number }} Link
 * @typedef {object} Markdown
 * @property {Fence[]} fences
 * @property {Link[]} links
 * @property {Set<string>} anchors
 */

const FENCE = /^(\s*)(`{3,}|~{3,})\s*([^\s`]*)\s*([^`]*)$/
const LINK = /!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g
const REFERENCE = /^\s{0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)/
const ATTRIBUTE = /\b(?:href|src)="([^"]+)"/g
const HEADING = /^#{1,6}\s+(.*?)\s*#*$/

/**
 * @param {string} text
 * @returns {Markdown}
 */
export function readMarkdown(text) {
  /** @type {Markdown} */
  const found = { fences: [], links: [], anchors: new Set() }
  /** @type {{ fence: Fence; mark: string; indent: number } | null} */
  let open = null
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (open !== null) {
      if (closes(line, open.mark)) open = null
      else open.fence.lines.push(line.slice(Math.min(open.indent, line.search(/\S|$/))))
      continue
    }
    const start = FENCE.exec(line)
    if (start !== null) {
      const [, indent = '', mark = '', language = '', note = ''] = start
      const fence = { language: language.toLowerCase(), note: note.trim(), line: index + 2, lines: [] }
      found.fences.push(fence)
      open = { fence, mark, indent: indent.length }
      continue
    }
    const prose = line.replace(/`[^`]*`/g, '``')
    for (const pattern of [LINK, ATTRIBUTE]) {
      for (const [, target = ''] of prose.matchAll(pattern)) found.links.push({ target, line: index + 1 })
    }
    const reference = REFERENCE.exec(prose)?.[1]
    if (reference !== undefined) found.links.push({ target: reference, line: index + 1 })
    const heading = HEADING.exec(line)?.[1]
    if (heading !== undefined) addAnchor(found.anchors, heading)
    for (const [, id = ''] of line.matchAll(/\b(?:id|name)="([^"]+)"/g)) found.anchors.add(id)
  }
  return found
}

/** @param {string} line @param {string} mark */
function closes(line, mark) {
  const text = line.trim()
  return text.length >= mark.length && text === (mark[0] ?? '').repeat(text.length)
}

/** A heading's anchor as GitHub makes it; the second of the same name ends in `-1`. */
/** @param {Set<string>} anchors @param {string} heading */
function addAnchor(anchors, heading) {
  const slug = heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')
  let anchor = slug
  for (let i = 1; anchors.has(anchor); i++) anchor = `${slug}-${i}`
  anchors.add(anchor)
}
