// @ts-check
/** One file, one subpath: whether `exports` and the files of src say the same. */

import { posix } from 'node:path'
import { readSyntax } from '../layers/syntax.mjs'
import { isShared, isVariant, ownerOf } from '../layers/table.mjs'

/** @typedef {import('../workspace.mjs').Manifest} Manifest */

const FOLDERS = ['strategies', 'revocations', 'channels', 'memberships', 'logout', 'hooks', 'compat']
/** Shared by strategies, and public as well: it says where a credential may be read. */
const PUBLIC_SHARED = new Set(['strategies/from'])

/**
 * @param {Manifest} manifest
 * @param {readonly string[]} sources relative to src, with `/`
 * @returns {string[]}
 */
export function findSubpathViolations({ name, exports = {} }, sources) {
  const published = Object.entries(exports).filter(([subpath]) => subpath !== './package.json')
  const malformed = published.flatMap(([subpath, target]) => {
    const base = expectedTarget(subpath, sources)
    const [types, code] = [`./dist/${base}.d.ts`, `./dist/${base}.js`]
    if (typeof target === 'object' && target.types === types && target.default === code) return []
    return [
      `${name} exports "${subpath}": it must lead to ${types} and ${code}; a subpath is called what its file is called`,
    ]
  })
  const withoutSource = published
    .filter(([subpath]) => !sources.includes(`${expectedTarget(subpath, sources)}.ts`))
    .map(([subpath]) => `${name} exports "${subpath}": src has no such file; delete the subpath or write the file`)
  const withoutSubpath = publicFiles(sources)
    .filter((file) => !(`./${file}` in exports))
    .map((file) => `src/${file}.ts has no subpath in "exports"; users could not import it`)
  const helpers = published
    .map(([subpath]) => subpath.slice(2))
    .filter((file) => FOLDERS.some((folder) => file.startsWith(`${folder}/`)))
    .filter((file) => sources.includes(`${file}.ts`) && !publicFiles(sources).includes(file))
    .map((file) => `${name} exports "./${file}", which is a helper; it would become a promise to users`)
  return [...malformed, ...withoutSource, ...withoutSubpath, ...helpers]
}

/**
 * A file that is no subpath is a helper of one, so one imports it, by itself or through another helper.
 *
 * @param {Manifest} manifest
 * @param {ReadonlyMap<string, string>} texts of the files of src, by their path below it
 * @returns {string[]}
 */
export function findOrphans({ exports = {} }, texts) {
  const isInFolder = (/** @type {string} */ path) => FOLDERS.some((folder) => path.startsWith(`${folder}/`))
  const reached = new Set([...texts.keys()].filter((path) => `./${path.replace(/\.ts$/, '')}` in exports))
  for (const path of reached) {
    for (const { specifier } of readSyntax(path, texts.get(path) ?? '').imports) {
      const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : ''
      if (texts.has(target)) reached.add(target)
    }
  }
  return [...texts.keys()]
    .filter((path) => isInFolder(path) && !reached.has(path))
    .map((path) => `src/${path} is neither a subpath nor imported by one; nobody can reach it`)
}

/** `.` -> `index`, `./client` -> `client/index`, `./strategies/jwt` -> `strategies/jwt`. */
/** @param {string} subpath @param {readonly string[]} sources */
function expectedTarget(subpath, sources) {
  const file = subpath === '.' ? 'index' : subpath.slice(2)
  return sources.includes(`${file}/index.ts`) ? `${file}/index` : file
}

/** @param {readonly string[]} sources */
function publicFiles(sources) {
  return FOLDERS.flatMap((folder) => {
    const direct = new RegExp(`^${folder}/([^/]+)\\.ts$`)
    const names = sources.flatMap((source) => direct.exec(source)?.[1] ?? [])
    const siblings = new Set(names)
    return names
      .filter((name) => ownerOf(folder, name, siblings) === name || isVariant(folder, name))
      .filter((name) => !isShared(folder, name) || PUBLIC_SHARED.has(`${folder}/${name}`))
      .map((name) => `${folder}/${name}`)
  })
}
