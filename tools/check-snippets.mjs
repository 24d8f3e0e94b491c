// @ts-check
/** `npm run snippets`: compiles the code in the documentation and follows its links. Usage: check-snippets.mjs [root] */

import { existsSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { conclude } from './outcome.mjs'
import { findTypeErrors } from './snippets/compile.mjs'
import { findDeadLinks } from './snippets/links.mjs'
import { readMarkdown } from './snippets/markdown.mjs'
import { readPrograms } from './snippets/programs.mjs'
import { readCompilerOptions } from './typescript-options.mjs'
import { filesBelow, publishedPackages, ROOT } from './workspace.mjs'

/**
 * @param {string} root
 * @returns {{ violations: string[]; skipped: string[]; summary: string }}
 */
export function checkSnippets(root) {
  const paths = documentation(root)
  /** @type {import('./snippets/programs.mjs').Program[]} */
  const programs = []
  /** The Markdown file of each program. @type {Map<unknown, string>} */
  const origins = new Map()
  /** @type {string[]} */
  const violations = []
  /** @type {string[]} */
  const skipped = []
  let links = 0
  for (const path of paths) {
    const file = relative(root, path).split(sep).join('/')
    const markdown = readMarkdown(readFileSync(path, 'utf8'))
    // They stand at the root, where every package of the workspace resolves.
    const read = readPrograms(join(root, file.replaceAll('/', '.')), markdown.fences)
    for (const program of read.programs) origins.set(program, file)
    programs.push(...read.programs)
    skipped.push(...read.skipped.map(({ line, reason }) => `${file}:${line}: not checked: ${reason}`))
    violations.push(...read.violations.map(({ line, what }) => `${file}:${line}: ${what}`))
    violations.push(...findDeadLinks(root, path, markdown))
    links += markdown.links.length
  }
  if (programs.length > 0) {
    const errors = findTypeErrors(programs, readCompilerOptions(join(root, 'tsconfig.json')))
    for (const { program, line, message } of errors) {
      violations.push(`${origins.get(program)}:${line}: ${message}; a snippet is copied as it stands`)
    }
  }
  const unchecked = `${skipped.length} not checked`
  const summary = `${programs.length} programs in ${paths.length} files compile (${unchecked}), ${links} links lead somewhere`
  return { violations, skipped, summary }
}

/** @param {string} root */
function documentation(root) {
  const packages = publishedPackages(root).map(({ folder }) => folder)
  return [
    ...['README.md', 'SECURITY.md', 'CONTRIBUTING.md'].map((name) => join(root, name)),
    ...packages.map((folder) => join(folder, 'README.md')),
    ...['docs', 'examples'].flatMap((folder) => filesBelow(join(root, folder), (name) => name.endsWith('.md'))),
  ].filter(existsSync)
}

if (process.argv[1] === import.meta.filename) {
  const { violations, skipped, summary } = checkSnippets(process.argv[2] ?? ROOT)
  for (const line of skipped) console.log(line)
  conclude('check-snippets', violations, summary)
}
