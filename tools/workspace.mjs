// @ts-check
/** The workspace as plain data: where it is, its packages, and the files below a folder. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {object} Manifest The fields of a package.json that the tools read.
 * @property {string} name
 * @property {boolean} [private]
 * @property {Record<string, string | { types?: string; default?: string }>} [exports]
 * @property {Record<string, string>} [bin]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [peerDependencies]
 */

/** The repository that the tools belong to. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '')

const SKIPPED = new Set(['node_modules', 'dist', 'coverage'])

/**
 * Every file below a folder, sorted, without build output, dependencies and dot files.
 *
 * @param {string} folder
 * @param {(name: string) => boolean} [wanted]
 * @returns {string[]} paths that begin with `folder`
 */
export function filesBelow(folder, wanted = () => true) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !SKIPPED.has(name) && !name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return filesBelow(path, wanted)
      return entry.isFile() && wanted(entry.name) ? [path] : []
    })
}

/**
 * @param {string} folder
 * @returns {Manifest}
 */
export function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}

/**
 * The packages that are published, in the order of their folders' names.
 *
 * @param {string} root
 * @returns {{ folder: string; manifest: Manifest }[]}
 */
export function publishedPackages(root) {
  const packages = join(root, 'packages')
  if (!existsSync(packages)) return []
  return readdirSync(packages)
    .sort()
    .map((name) => join(packages, name))
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .map((folder) => ({ folder, manifest: readManifest(folder) }))
    .filter(({ manifest }) => manifest.private !== true)
}
