// @ts-check
/** Which attacks a program says that it plays: read from its syntax tree, so that what stands in comments does not count. */

import ts from 'typescript'

/** @typedef {{ ids: readonly string[]; title: string }} Played `title` is what follows the ids; it may be empty */

const ID = '(?:[A-EG-Z]\\d{2}|F\\d{1,2})'
/** Other lists have ids of one digit, such as M2. */
const ITEM = `(?:${ID}|[A-Z]\\d)`
/** `J01: …`, `R17, F11: …`, `fact 9, F14: …`, or ids and nothing else. */
const LEADING = new RegExp(`^(?:fact \\d+(?:, \\d+)*, )?(${ITEM}(?:(?:, | and )${ITEM})*)(?::\\s+|$)`)
/** `… (J08)` */
const IN_PARENTHESES = new RegExp(`\\((${ID}(?:, ${ID})*)\\)`, 'g')
const ONE = new RegExp(ID, 'g')
const TESTS = new Set(['it', 'test', 'describe'])

/**
 * Of a test file. Rows of `each` have their names in arrays: every text counts that begins with ids, and names of tests that
 * hold some in parentheses.
 *
 * @param {string} path
 * @param {string} text
 * @returns {readonly Played[]}
 */
export function playedByTests(path, text) {
  if (!new RegExp(ID).test(text)) return []
  /** @type {Played[]} */
  const played = []
  /** @param {ts.Node} node */
  const visit = (node) => {
    const literal = literalOf(node)
    if (literal !== null) {
      const leading = LEADING.exec(literal)
      const ids = idsIn(leading?.[1])
      if (ids.length > 0) played.push({ ids, title: literal.slice(leading?.[0].length) })
      else if (isName(node)) {
        for (const [, some] of literal.matchAll(IN_PARENTHESES)) played.push({ ids: idsIn(some), title: literal })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return played
}

/**
 * Of a program that is no test file, such as `faults/soak.mjs`: by the first sentence of its first comment.
 *
 * @param {string} text
 * @returns {readonly Played[]}
 */
export function playedByProgram(text) {
  const comment = /^(?:#!.*\n)?(?:\/\/.*\n)*\s*\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? ''
  const sentence = comment
    .replace(/\n\s*\*/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  const leading = LEADING.exec(sentence)
  if (leading === null) return []
  return [{ ids: idsIn(leading[1]), title: sentence.slice(leading[0].length).replace(/\.( .*)?$/, '') }]
}

/** @param {string | undefined} text @returns {string[]} */
function idsIn(text = '') {
  return text.match(ONE) ?? []
}

/** @param {ts.Node} node @returns {string | null} */
function literalOf(node) {
  if (ts.isStringLiteralLike(node)) return node.text
  if (!ts.isTemplateExpression(node)) return null
  return node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('')
}

/** True for the first argument of `it`, `test` or `describe`, also after `.each(…)`. @param {ts.Node} node */
function isName(node) {
  const call = node.parent
  if (!ts.isCallExpression(call) || call.arguments[0] !== node) return false
  /** @type {ts.Expression} */
  let callee = call.expression
  while (!ts.isIdentifier(callee)) {
    if (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee)) callee = callee.expression
    else return false
  }
  return TESTS.has(callee.text)
}
