// @ts-check
/** `npm run exports`: whether what is published is what users can import. Needs a build. Usage: check-exports.mjs [root] */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { findDocumentationViolations } from './exports/documentation.mjs'
import { findImportViolations, importAll, install } from './exports/installed.mjs'
import { runAttw, runPublint } from './exports/linters.mjs'
import { findOrphans, findSubpathViolations } from './exports/subpaths.mjs'
import { conclude } from './outcome.mjs'
import { readCompilerOptions } from './typescript-options.mjs'
import { filesBelow, publishedPackages, ROOT } from './workspace.mjs'

/** @typedef {import('./workspace.mjs').Manifest} Manifest */

/**
 * @param {string} root
 * @returns {Promise<{ violations: string[]; summary: string }>}
 */
export async function checkExports(root) {
  const packages = publishedPackages(root)
  const violations = []
  for (const { folder, manifest } of packages) {
    if (manifest.exports !== undefined) violations.push(...checkSources(root, folder, manifest))
    violations.push(...(await checkPacked(folder, manifest)))
  }
  const count = packages.reduce((sum, { manifest }) => sum + subpathsOf(manifest).length, 0)
  const summary = `${count} subpaths of ${packages.length} packages can be imported, are documented and typed`
  return { violations, summary }
}

/** @param {string} root @param {string} folder @param {Manifest} manifest */
function checkSources(root, folder, manifest) {
  const src = join(folder, 'src')
  const texts = new Map(
    filesBelow(src, (file) => file.endsWith('.ts')).map((path) => [
      relative(src, path).replaceAll(sep, '/'),
      readFileSync(path, 'utf8'),
    ]),
  )
  const entries = Object.values(manifest.exports ?? {}).flatMap((target) =>
    typeof target === 'object' && target.default
      ? [join(src, target.default.replace('./dist/', '').replace(/\.js$/, '.ts'))]
      : [],
  )
  return [
    ...findSubpathViolations(manifest, [...texts.keys()]),
    ...findOrphans(manifest, texts),
    ...findDocumentationViolations(root, entries.filter(existsSync), readCompilerOptions(join(root, 'tsconfig.json'))),
  ]
}

/** @param {string} folder @param {Manifest} manifest */
async function checkPacked(folder, manifest) {
  const { name, exports = {}, bin = {} } = manifest
  const targets = Object.values(exports).flatMap((target) =>
    typeof target === 'object' ? Object.values(target) : target,
  )
  const missing = [...targets, ...Object.values(bin)]
    .filter((target) => !existsSync(join(folder, target)))
    .map((target) => `${name}: ${target} does not exist; is it built?`)
  if (missing.length > 0) return missing

  const project = mkdtempSync(join(tmpdir(), 'check-exports-'))
  try {
    const { installed, tarball } = await install(folder, manifest, project)
    const lint = await runPublint(installed, manifest)
    if (manifest.exports === undefined) return lint
    const names = subpathsOf(manifest).map((subpath) => name + subpath.slice(1))
    return [...findImportViolations(await importAll(project, names)), ...lint, ...(await runAttw(tarball, manifest))]
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
}

/** @param {Manifest} manifest */
function subpathsOf({ exports = {} }) {
  return Object.keys(exports).filter((subpath) => subpath !== './package.json')
}

if (process.argv[1] === import.meta.filename) {
  const { violations, summary } = await checkExports(process.argv[2] ?? ROOT)
  conclude('check-exports', violations, summary)
}
