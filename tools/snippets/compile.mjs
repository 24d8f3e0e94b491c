// @ts-check
/** Type-checks programs that exist only in memory, as strictly as the sources. */

import ts from 'typescript'

/** @typedef {import('./programs.mjs').Program} Program */
/** @typedef {{ program: Program; line: number; message: string }} SnippetError `line` is the Markdown file's */

/** What no example is held to: it declares what the next sentence uses. */
const FOR_READERS = { noEmit: true, noUnusedLocals: false, noUnusedParameters: false }

/** JavaScript has nowhere to write a type. */
const FOR_JAVASCRIPT = { ...FOR_READERS, allowJs: true, checkJs: true, noImplicitAny: false }

/**
 * @param {readonly Program[]} programs
 * @param {ts.CompilerOptions} options
 * @returns {SnippetError[]}
 */
export function findTypeErrors(programs, options) {
  const [javascript, typescript] = [true, false].map((wanted) =>
    programs.filter(({ path }) => path.endsWith('.js') === wanted),
  )
  return [
    ...compile(typescript ?? [], { ...options, ...FOR_READERS }),
    ...compile(javascript ?? [], { ...options, ...FOR_JAVASCRIPT }),
  ]
}

/**
 * @param {readonly Program[]} programs
 * @param {ts.CompilerOptions} options
 * @returns {SnippetError[]}
 */
function compile(programs, options) {
  if (programs.length === 0) return []
  const settings = { ...options, moduleDetection: ts.ModuleDetectionKind.Force }
  const byPath = new Map(programs.map((program) => [program.path, program]))
  const host = ts.createCompilerHost(settings)
  const { readFile, fileExists, getSourceFile } = host
  host.readFile = (path) => byPath.get(path)?.text ?? readFile(path)
  host.fileExists = (path) => byPath.has(path) || fileExists(path)
  host.getSourceFile = (path, target, ...rest) => {
    const program = byPath.get(path)
    if (program === undefined) return getSourceFile(path, target, ...rest)
    // Every snippet is ESM, whatever package.json is nearest.
    const language =
      typeof target === 'object'
        ? { ...target, impliedNodeFormat: /** @type {const} */ (ts.ModuleKind.ESNext) }
        : target
    return ts.createSourceFile(path, program.text, language)
  }
  const compiled = ts.createProgram([...byPath.keys()], settings, host)
  return programs.flatMap((program) => {
    const source = compiled.getSourceFile(program.path)
    return [...compiled.getSyntacticDiagnostics(source), ...compiled.getSemanticDiagnostics(source)]
      .filter(({ code }) => !(program.path.endsWith('.js') && isImplicitAny(code)))
      .map(({ start = 0, messageText }) => ({
        program,
        line: program.lines[source?.getLineAndCharacterOfPosition(start).line ?? 0] ?? 1,
        message: ts.flattenDiagnosticMessageText(messageText, ' '),
      }))
  })
}

/** JavaScript cannot say what type a parameter has. @param {number} code */
function isImplicitAny(code) {
  return code >= 7000 && code < 7060
}
