// @ts-check
/** The compiler options of a tsconfig.json, for the TypeScript API. */

import { dirname } from 'node:path'
import ts from 'typescript'

/**
 * @param {string} path
 * @returns {ts.CompilerOptions}
 * @throws Error when it cannot be read
 */
export function readCompilerOptions(path) {
  const { config, error } = ts.readConfigFile(path, ts.sys.readFile)
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, ' '))
  // Parsed whole, so that `paths` start at the file and not at the current folder; its `include` is not read.
  const host = { ...ts.sys, readDirectory: () => [] }
  return ts.parseJsonConfigFileContent(config, host, dirname(path), undefined, path).options
}
