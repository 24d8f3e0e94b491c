// @ts-check
/** Builds one package into `dist`, by what its package.json promises. */

import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf, isFresh, writeStamp } from './stamp.mjs'

/** @typedef {import('../workspace.mjs').Manifest} Manifest */

/**
 * @param {string} root
 * @param {string} folder
 * @param {Manifest} manifest
 * @param {readonly string[]} inputs files and folders that the outcome depends on besides the package's own
 * @returns {Promise<'built' | 'fresh' | 'absent'>} absent: an entry has not been written yet
 */
export async function buildPackage(root, folder, manifest, inputs) {
  const entries = entriesOf(manifest)
  const programs = Object.values(manifest.bin ?? {}).map(toEntry)
  if (!programs.every((entry) => existsSync(join(folder, 'src', `${entry}.ts`)))) return 'absent'
  const dist = join(folder, 'dist')
  const cache = join(root, 'node_modules', '.cache', 'build')
  const stamp = join(cache, `${manifest.name.replaceAll('/', '-')}.json`)
  const digest = digestOf(root, [join(folder, 'src'), join(folder, 'package.json'), ...inputs])
  if (isFresh(stamp, digest, dist)) return 'fresh'

  // Loaded only when there is work: tsdown alone takes as long as everything above.
  const [{ compile }, { buildPage }] = await Promise.all([import('./compile.mjs'), import('./page.mjs')])
  const draft = join(cache, `${manifest.name.replaceAll('/', '-')}-${process.pid}`)
  rmSync(draft, { recursive: true, force: true })
  try {
    await compile({ root, folder, entries: [...entries, ...programs], outDir: draft, types: entries.length > 0 })
    await buildPage(join(folder, 'src', 'page'), join(draft, 'page'))
    replace(dist, draft)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  writeStamp(stamp, digest, dist)
  return 'built'
}

/**
 * Whoever reads `dist` meanwhile sees the old one or the new one. Two builds may end at once; the last one stays.
 *
 * @param {string} dist
 * @param {string} draft
 */
function replace(dist, draft) {
  const old = `${draft}.old`
  for (;;) {
    try {
      if (existsSync(dist)) renameSync(dist, old)
      renameSync(draft, dist)
      return
    } catch (error) {
      if (!['ENOENT', 'EEXIST', 'ENOTEMPTY'].includes(/** @type {NodeJS.ErrnoException} */ (error).code ?? ''))
        throw error
      if (!existsSync(draft)) throw error
    } finally {
      rmSync(old, { recursive: true, force: true })
    }
  }
}

/** `./dist/strategies/jwt.js` -> `strategies/jwt`. @param {Manifest} manifest */
function entriesOf({ exports = {} }) {
  return Object.values(exports).flatMap((target) =>
    typeof target === 'object' && target.default ? [toEntry(target.default)] : [],
  )
}

/** @param {string} path */
function toEntry(path) {
  return path.replace(/^(\.\/)?dist\//, '').replace(/\.js$/, '')
}
