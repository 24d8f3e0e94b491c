// @ts-check
/** What a module imports, exports in a way that the house refuses, and names: read from its syntax tree. */

import ts from 'typescript'

/**
 * @typedef {{ specifier: string; line: number; extent: 'value' | 'types' }} Import `types`: `import type`; with types in
 *   braces, `import { type A }`, the import itself stays under `verbatimModuleSyntax`
 * @typedef {{ name: string; line: number }} Named
 * @typedef {object} Syntax
 * @property {Import[]} imports with re-exports, `import()`, `require()` and import types
 * @property {Named[]} refused `default export` and `export *`
 * @property {Named[]} identifiers every identifier that is not a property's name
 */

/**
 * @param {string} path
 * @param {string} text
 * @returns {Syntax}
 */
export function readSyntax(path, text) {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  /** @type {Syntax} */
  const found = { imports: [], refused: [], identifiers: [] }
  /** @param {ts.Node} node */
  const lineOf = (node) => source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
  /**
   * @param {ts.Node} node
   * @param {ts.Node | undefined} specifier
   * @param {boolean} typesOnly
   */
  const add = (node, specifier, typesOnly) => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return
    found.imports.push({ specifier: specifier.text, line: lineOf(node), extent: typesOnly ? 'types' : 'value' })
  }

  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) {
      add(node, node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
    } else if (ts.isExportDeclaration(node)) {
      add(node, node.moduleSpecifier, node.isTypeOnly)
      if (node.exportClause === undefined || ts.isNamespaceExport(node.exportClause)) {
        found.refused.push({ name: 'export *', line: lineOf(node) })
      } else if (node.exportClause.elements.some(({ name }) => name.text === 'default')) {
        found.refused.push({ name: 'default export', line: lineOf(node) })
      }
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node, node.argument.literal, true)
    else if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
      add(node, node.moduleReference.expression, node.isTypeOnly)
    } else if (ts.isCallExpression(node) && isModuleCall(node.expression)) add(node, node.arguments[0], false)
    else if (ts.isExportAssignment(node) || isDefaultDeclaration(node)) {
      found.refused.push({ name: 'default export', line: lineOf(node) })
    } else if (ts.isIdentifier(node) && !isPropertyName(node)) {
      found.identifiers.push({ name: node.text, line: lineOf(node) })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** @param {ts.Expression} callee */
function isModuleCall(callee) {
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require')
}

/** @param {ts.Node} node */
function isDefaultDeclaration(node) {
  return (
    ts.canHaveModifiers(node) &&
    (ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) ?? false)
  )
}

/** `clock.setTimeout`, `{ process: 1 }`, `interface { process: … }` name no global. @param {ts.Identifier} node */
function isPropertyName(node) {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node
  if (ts.isQualifiedName(parent)) return parent.right === node
  return (
    (ts.isPropertyAssignment(parent) || ts.isClassElement(parent) || ts.isTypeElement(parent)) && parent.name === node
  )
}
