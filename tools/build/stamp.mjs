// @ts-check
/** Remembers from which inputs a package was built last, so that nothing is built twice. */

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { filesBelow } from '../workspace.mjs'

/**
 * @param {string} root
 * @param {readonly string[]} inputs files and folders; those that do not exist count as absent
 * @returns {string} a digest of their names and contents
 */
export function digestOf(root, inputs) {
  const hash = createHash('sha256').update(process.version)
  const files = inputs.filter(existsSync).flatMap((input) => (statSync(input).isFile() ? [input] : filesBelow(input)))
  for (const path of files) {
    hash.update(`${relative(root, path)}\0`).update(createHash('sha256').update(readFileSync(path)).digest())
  }
  return hash.digest('hex')
}

/**
 * Whether the last build had these inputs and all that it wrote is still there.
 *
 * @param {string} stamp
 * @param {string} digest
 * @param {string} dist
 */
export function isFresh(stamp, digest, dist) {
  if (!existsSync(stamp)) return false
  const last = JSON.parse(readFileSync(stamp, 'utf8'))
  return last.digest === digest && last.outputs.every((/** @type {string} */ output) => existsSync(join(dist, output)))
}

/**
 * @param {string} stamp
 * @param {string} digest
 * @param {string} dist
 */
export function writeStamp(stamp, digest, dist) {
  mkdirSync(dirname(stamp), { recursive: true })
  const outputs = filesBelow(dist).map((path) => relative(dist, path))
  writeFileSync(stamp, JSON.stringify({ digest, outputs }))
}
