// @ts-check
/** The table of limits in docs/guide/production.md, read from limits.ts: every limit with its default and what its comment says. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { between } from './code-pages.mjs'

const MARKS = ['<!-- from limits.ts, by `npm run docs` -->', '<!-- end of what is from limits.ts -->']

/**
 * @param {string} root
 * @returns {import('./code-pages.mjs').Written}
 */
export function limitsTable(root) {
  const path = join(root, 'docs', 'guide', 'production.md')
  const current = readFileSync(path, 'utf8')
  const file = join(root, 'packages', 'portcullis', 'src', 'server', 'limits.ts')
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  const defaults = defaultsIn(source)
  const rows = source.statements
    .filter((each) => ts.isInterfaceDeclaration(each))
    .filter(({ name }) => name.text === 'Limits')
    .flatMap(({ members }) => members)
    .map((member) => {
      const name = member.name?.getText() ?? ''
      const { text, standard } = commentOf(member)
      return `| \`${name}\` | ${defaults.get(name) ?? standard} | ${text} |`
    })
  const table = `| limit | default | |\n|---|---|---|\n${rows.join('\n')}`
  return { path, current, text: between(current, MARKS, table) }
}

/** The default has a column of its own; one that is worked out is what the comment says. @param {ts.Node} member */
function commentOf(member) {
  const said = ts
    .getJSDocCommentsAndTags(member)
    .map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? '')
    .join(' ')
    .replace(/\s+/g, ' ')
  const [sentence = '', standard = ''] = /\s*Default:? ([^.;]*)[.;]?/.exec(said) ?? []
  return { text: said.replace(sentence, '').trim(), standard }
}

/** @param {ts.SourceFile} source @returns {Map<string, string>} */
function defaultsIn(source) {
  /** @type {Map<string, string>} */
  const found = new Map()
  for (const statement of source.statements) {
    if (!ts.isVariableStatement(statement)) continue
    for (const { name, initializer } of statement.declarationList.declarations) {
      if (name.getText() !== 'DEFAULTS' || initializer === undefined || !ts.isObjectLiteralExpression(initializer))
        continue
      for (const property of initializer.properties) {
        if (!ts.isPropertyAssignment(property)) continue
        found.set(property.name.getText(), property.initializer.getText().replaceAll('_', ','))
      }
    }
  }
  return found
}
