// @ts-check
/** Every violation of the house's rules in a set of files. */

import { dirname, posix } from 'node:path'
import { findCycles } from './cycles.mjs'
import { findRoomViolations, LIBRARY } from './library.mjs'
import { readSyntax } from './syntax.mjs'

/** @typedef {{ line: number; what: string; why: string }} Finding */
/** @typedef {import('./syntax.mjs').Syntax} Syntax */

const VAGUE_NAMES = /^(utils?|common|helpers?)$/

/**
 * @param {ReadonlyMap<string, string>} files path from the repository's root, with `/` -> text
 * @param {readonly string[]} subpaths what package.json of the library exports, such as `portcullis/client`
 * @returns {string[]} `file:line: what; why`
 */
export function findViolations(files, subpaths) {
  const paths = [...files.keys()].sort()
  const published = new Set(subpaths)
  const syntaxes = new Map(paths.map((path) => [path, readSyntax(path, files.get(path) ?? '')]))
  const findings = [...syntaxes].flatMap(([path, syntax]) =>
    [
      ...findShapeViolations(path, syntax),
      ...findPackageViolations(path, syntax, published),
      ...(path.startsWith(LIBRARY) ? findRoomViolations(path, syntax, paths) : []),
    ]
      .sort((a, b) => a.line - b.line)
      .map(({ line, what, why }) => `${path}:${line}: ${what}; ${why}`),
  )
  return [...findings, ...describeCycles(syntaxes)]
}

/**
 * @param {string} path
 * @param {Syntax} syntax
 * @returns {Finding[]}
 */
function findShapeViolations(path, { refused }) {
  const vague = path
    .replace(/\.\w+$/, '')
    .split('/')
    .find((part) => VAGUE_NAMES.test(part))
  const names =
    vague === undefined
      ? []
      : [
          {
            line: 1,
            what: `"${vague}" names nothing`,
            why: 'a file is called what it holds, so that it is found and stays one thing',
          },
        ]
  const why = 'exports are named one by one, so that each is called the same everywhere and none slips out'
  // Old packages were loaded by `require` or by default; a facade that one import line leads to has to be too.
  const found = path.startsWith(`${LIBRARY}compat/`) ? refused.filter(({ name }) => name !== 'default export') : refused
  return [...names, ...found.map(({ name, line }) => ({ line, what: `has ${name}`, why }))]
}

/**
 * A package is left by name only, and only through what the other one exports.
 *
 * @param {string} path
 * @param {Syntax} syntax
 * @param {ReadonlySet<string>} published
 * @returns {Finding[]}
 */
function findPackageViolations(path, { imports }, published) {
  const home = homeOf(path)
  return imports.flatMap(({ specifier, line }) => {
    if (!specifier.startsWith('.')) {
      if (!/^portcullis(\/|$)/.test(specifier) || published.has(specifier)) return []
      return [
        {
          line,
          what: `imports ${specifier}`,
          why: 'the package does not export it, so it would not resolve once installed',
        },
      ]
    }
    if (`${posix.join(dirname(path), specifier)}/`.startsWith(home)) return []
    return [
      {
        line,
        what: `imports ${specifier} from outside of ${home}`,
        why: 'a package is imported by its published name only, so that it can stand alone',
      },
    ]
  })
}

/** The folder that a file's relative imports may not leave. @param {string} path */
function homeOf(path) {
  const [first, second] = path.split('/')
  return first === 'packages' || first === 'examples' ? `${first}/${second}/` : `${first}/`
}

/** @param {ReadonlyMap<string, Syntax>} syntaxes */
function describeCycles(syntaxes) {
  /** @type {Map<string, string[]>} */
  const graph = new Map()
  for (const [path, { imports }] of syntaxes) {
    const targets = imports.filter(({ specifier }) => specifier.startsWith('.'))
    graph.set(
      path,
      targets.map(({ specifier }) => posix.join(dirname(path), specifier)).filter((target) => syntaxes.has(target)),
    )
  }
  return findCycles(graph).map((cycle) => {
    const [first = ''] = cycle
    const next = cycle[1] ?? first
    const closing = syntaxes.get(first)?.imports.find(({ specifier }) => posix.join(dirname(first), specifier) === next)
    const way = [...cycle, first].map((path) => posix.basename(path)).join(' -> ')
    return `${first}:${closing?.line ?? 1}: import cycle ${way}; files that need one another are one file, or a third is missing`
  })
}
