// @ts-check
/** Everything that one import brings along, and what it weighs in a browser. */

import { readFileSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { readSyntax } from '../layers/syntax.mjs'

/**
 * @typedef {object} Graph
 * @property {string[]} modules `dist/client/index.js` of the package itself; `jose` of another one; each once, sorted
 * @property {string[]} builtins `node:crypto`
 * @property {string[]} unresolved packages that are not installed
 * @property {number} brotliBytes of the minified bundle
 */

/**
 * @param {string} entry a file
 * @param {string} folder the package's
 * @param {'browser' | 'node'} platform
 * @returns {Promise<Graph>}
 */
export async function readGraph(entry, folder, platform) {
  const bundle = await rolldown({
    input: entry,
    cwd: dirname(entry),
    platform,
    tsconfig: false,
    external: [/^node:/],
    onLog: () => {},
  })
  try {
    const { output } = await bundle.generate({ format: 'esm', minify: true })
    const chunks = output.filter((part) => part.type === 'chunk')
    const own = new Set(chunks.map(({ fileName }) => fileName))
    const outside = chunks
      .flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports])
      .filter((name) => !own.has(name))
    // What begins with a zero byte is rolldown's own, not a file.
    const files = chunks.flatMap(({ moduleIds }) => moduleIds).filter((id) => !id.startsWith('\0'))
    const code = chunks.map((chunk) => chunk.code).join('\n')
    return {
      modules: unique(files.map((id) => nameOf(id, folder))),
      builtins: unique(outside.filter((name) => name.startsWith('node:'))),
      unresolved: unique(outside.filter((name) => !name.startsWith('node:'))),
      brotliBytes: brotliCompressSync(code).length,
    }
  } finally {
    await bundle.close()
  }
}

/**
 * The names that an entry and the files beside it import, without following them: `node:crypto`, `jose/jwt/verify`.
 *
 * @param {string} entry a file
 * @returns {string[]}
 */
export function readDirectImports(entry) {
  const files = new Set([entry])
  /** @type {string[]} */
  const names = []
  for (const file of files) {
    for (const { specifier } of readSyntax(file, readFileSync(file, 'utf8')).imports) {
      if (specifier.startsWith('.')) files.add(resolve(dirname(file), specifier))
      else names.push(specifier)
    }
  }
  return unique(names)
}

/** @param {string} id @param {string} folder */
function nameOf(id, folder) {
  const parts = id.split(sep)
  const modules = parts.lastIndexOf('node_modules')
  if (modules < 0) return relative(folder, id).replaceAll(sep, '/')
  const name = parts[modules + 1] ?? ''
  return name.startsWith('@') ? `${name}/${parts[modules + 2]}` : name
}

/** @param {readonly string[]} names */
function unique(names) {
  return [...new Set(names)].sort()
}
