// @ts-check
/** Whether each exported value and type is documented, and each declaration can be written down for users. */

import { relative } from 'node:path'
import ts from 'typescript'

const WHY = 'the doc comment is what an editor shows to whoever uses it'

/**
 * @param {string} root
 * @param {readonly string[]} entries source files
 * @param {import('typescript').CompilerOptions} options
 * @returns {string[]}
 */
export function findDocumentationViolations(root, entries, options) {
  const program = ts.createProgram([...entries], {
    ...options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
  })
  const checker = program.getTypeChecker()
  const undocumented = entries.flatMap((entry) => {
    const source = program.getSourceFile(entry)
    const module = source && checker.getSymbolAtLocation(source)
    if (module === undefined) return [`${relative(root, entry)}:1: exports nothing`]
    return checker.getExportsOfModule(module).flatMap((exported) => {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
      if (isForeign(symbol) || symbol.getDocumentationComment(checker).length > 0) return []
      return [`${placeOf(root, symbol.declarations?.[0], entry)}: ${exported.name} has no doc comment; ${WHY}`]
    })
  })
  const unwritable = program.getDeclarationDiagnostics().map((diagnostic) => {
    const { file, start = 0, messageText } = diagnostic
    const line = file === undefined ? 1 : file.getLineAndCharacterOfPosition(start).line + 1
    const message = ts.flattenDiagnosticMessageText(messageText, ' ')
    return `${relative(root, file?.fileName ?? '')}:${line}: ${message}; its declaration would not be what it is`
  })
  return [...new Set([...undocumented, ...unwritable])]
}

/** Re-exported from another package, which documents it. @param {ts.Symbol} symbol */
function isForeign({ declarations = [] }) {
  return (
    declarations.length > 0 && declarations.every((one) => /[/\\]node_modules[/\\]/.test(one.getSourceFile().fileName))
  )
}

/** @param {string} root @param {ts.Declaration | undefined} declaration @param {string} entry */
function placeOf(root, declaration, entry) {
  if (declaration === undefined) return `${relative(root, entry)}:1`
  const source = declaration.getSourceFile()
  const { line } = source.getLineAndCharacterOfPosition(declaration.getStart(source))
  return `${relative(root, source.fileName)}:${line + 1}`
}
