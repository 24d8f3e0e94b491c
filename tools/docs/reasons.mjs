// @ts-check
/** Which words each code may have as its `reason` in the audit log, read from the sources of the library. */

import { readFileSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import ts from 'typescript'
import { filesBelow } from '../workspace.mjs'

/**
 * @typedef {Map<string, Map<string, Set<string>>>} Reasons by code, then by word: the files, relative to `src`
 * @typedef {{ file: string; name: string; index: number; codes: string[]; words: string[] }} Maker
 *   a function whose parameter becomes the reason; `words` are those that its type allows
 */

/** Where the code is what a rule or a back end answered. */
export const OF_THE_RULE = 'AUTH_FORBIDDEN'

/** The facades of old libraries have errors of their own. */
const LEFT_OUT = /^compat\//

/**
 * @param {string} root
 * @returns {Reasons}
 */
export function readReasons(root) {
  const src = join(root, 'packages', 'portcullis', 'src')
  const sources = filesBelow(src, (name) => name.endsWith('.ts'))
    .map((path) => ({ path, file: relative(src, path).split(sep).join('/') }))
    .filter(({ file }) => !LEFT_OUT.test(file))
    .map(({ path, file }) => ({
      file,
      source: ts.createSourceFile(file, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true),
    }))
  const unions = new Map(sources.flatMap(({ source }) => unionsOf(source)))
  /** @type {Reasons} */
  const reasons = new Map()
  /** @type {Maker[]} */
  const makers = []
  /** @type {(codes: string[], words: string[], file: string) => void} */
  const add = (codes, words, file) => {
    for (const code of codes) {
      const byWord = reasons.get(code) ?? new Map()
      reasons.set(code, byWord)
      for (const word of words) byWord.set(word, (byWord.get(word) ?? new Set()).add(file))
    }
  }
  for (const { file, source } of sources) {
    visit(source, (node) => {
      const found = errorOf(node)
      if (found === null) return
      const codes = found.codes.length > 0 ? found.codes : [OF_THE_RULE]
      const words = textsOf(found.reason, source)
      add(codes, words, file)
      if (words.length > 0) return
      for (const { name, index, type } of makersOf(found.reason)) {
        makers.push({ file, name, index, codes, words: wordsOfType(type, unions) })
      }
    })
  }
  for (const { file, source } of sources) {
    for (const { name, index, codes, file: home } of makers) {
      if (file !== home && !imports(source, name, home)) continue
      visit(source, (node) => {
        if (!ts.isCallExpression(node) || node.expression.getText() !== name) return
        const argument = node.arguments[index]
        if (argument !== undefined) add(codes, textsOf(argument, source), file)
      })
    }
  }
  for (const { codes, words, file } of makers) {
    for (const code of codes)
      add(
        [code],
        words.filter((word) => !reasons.get(code)?.has(word)),
        file,
      )
  }
  return reasons
}

/**
 * `new AuthError(code, { reason })`, with its options in place or in a constant, and `{ code, reason }` of an event for the audit log.
 *
 * @param {ts.Node} node
 * @returns {{ codes: string[]; reason: ts.Expression } | null}
 */
function errorOf(node) {
  const source = node.getSourceFile()
  if (ts.isObjectLiteralExpression(node)) {
    const [code, reason] = [propertyOf(node, 'code'), propertyOf(node, 'reason')]
    if (code === null || reason === null || textsOf(reason, source).length === 0) return null
    const codes = textsOf(code, source).filter((text) => text.startsWith('AUTH_'))
    return codes.length === 0 ? null : { codes, reason }
  }
  if (!ts.isNewExpression(node) || node.expression.getText() !== 'AuthError') return null
  const [code, given] = node.arguments ?? []
  const options = given !== undefined && ts.isIdentifier(given) ? initializersOf(given.text, source)[0] : given
  if (code === undefined || options === undefined || !ts.isObjectLiteralExpression(options)) return null
  const reason = propertyOf(options, 'reason')
  return reason === null ? null : { codes: textsOf(code, source), reason }
}

/** @param {ts.ObjectLiteralExpression} object @param {string} name @returns {ts.Expression | null} */
function propertyOf(object, name) {
  const property = object.properties.find((each) => each.name?.getText() === name)
  if (property === undefined) return null
  if (ts.isPropertyAssignment(property)) return property.initializer
  return ts.isShorthandPropertyAssignment(property) ? property.name : null
}

/** @param {string} name @param {ts.SourceFile} source @returns {ts.Expression[]} */
function initializersOf(name, source) {
  /** @type {ts.Expression[]} */
  const found = []
  visit(source, (each) => {
    if (!ts.isVariableDeclaration(each) || each.name.getText() !== name) return
    if (each.initializer !== undefined) found.push(each.initializer)
  })
  return found
}

/** What a text may be: a literal, either side of a choice, a template with `…` for what varies, a constant of the file. */
/** @param {ts.Node} node @param {ts.SourceFile} source @returns {string[]} */
function textsOf(node, source) {
  if (ts.isStringLiteralLike(node)) return [node.text]
  if (ts.isConditionalExpression(node)) return [node.whenTrue, node.whenFalse].flatMap((side) => textsOf(side, source))
  if (ts.isTemplateExpression(node))
    return [`${node.head.text}…${node.templateSpans.map((s) => s.literal.text).join('…')}`]
  if (ts.isAsExpression(node) || ts.isParenthesizedExpression(node)) return textsOf(node.expression, source)
  if (!ts.isIdentifier(node)) return []
  return initializersOf(node.text, source).flatMap((each) => (ts.isStringLiteralLike(each) ? [each.text] : []))
}

/** The functions around a reason that is a parameter of theirs. @param {ts.Node} reason */
function makersOf(reason) {
  if (!ts.isIdentifier(reason)) return []
  for (let node = reason.parent; node !== undefined; node = node.parent) {
    if (!ts.isFunctionLike(node)) continue
    const index = node.parameters.findIndex((each) => each.name.getText() === reason.text)
    const name = node.name?.getText() ?? (ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : '')
    if (index !== -1) return [{ name, index, type: node.parameters[index]?.type }]
  }
  return []
}

/** `type Reason = 'a' | 'b'`. @param {ts.SourceFile} source @returns {[string, ts.TypeNode][]} */
function unionsOf(source) {
  return source.statements.flatMap((each) =>
    ts.isTypeAliasDeclaration(each) && ts.isUnionTypeNode(each.type) ? [[each.name.text, each.type]] : [],
  )
}

/** @param {ts.TypeNode | undefined} type @param {Map<string, ts.TypeNode>} unions @returns {string[]} */
function wordsOfType(type, unions) {
  if (type === undefined) return []
  if (ts.isUnionTypeNode(type)) return type.types.flatMap((each) => wordsOfType(each, unions))
  if (ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal)) return [type.literal.text]
  return ts.isTypeReferenceNode(type) ? wordsOfType(unions.get(type.typeName.getText()), unions) : []
}

/** @param {ts.SourceFile} source @param {string} name @param {string} home */
function imports(source, name, home) {
  return source.statements.some(
    (each) =>
      ts.isImportDeclaration(each) &&
      ts.isStringLiteral(each.moduleSpecifier) &&
      basename(each.moduleSpecifier.text) === basename(home) &&
      new RegExp(`\\b${name}\\b`).test(each.importClause?.getText() ?? ''),
  )
}

/** @param {ts.Node} node @param {(node: ts.Node) => void} see */
function visit(node, see) {
  see(node)
  ts.forEachChild(node, (child) => visit(child, see))
}
