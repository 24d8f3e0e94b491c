// @ts-check
/** `npm run build`: builds what has changed since the last build. Usage: build.mjs [--silent] [root] */

import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildPackage } from './build/package.mjs'
import { publishedPackages, ROOT } from './workspace.mjs'

const { values, positionals } = parseArgs({ options: { silent: { type: 'boolean' } }, allowPositionals: true })
const root = resolve(positionals[0] ?? ROOT)
const silent = values.silent ?? process.env.npm_config_loglevel === 'silent'
const tools = [
  join(root, 'tsconfig.json'),
  join(root, 'package-lock.json'),
  join(ROOT, 'tools', 'build'),
  import.meta.filename,
]

// Libraries first: a page bundles what the library's dist holds.
const packages = publishedPackages(root)
const libraries = packages.filter(({ manifest }) => manifest.exports !== undefined)
const programs = packages.filter(({ manifest }) => manifest.exports === undefined)
const sources = libraries.flatMap(({ folder }) => [join(folder, 'src'), join(folder, 'package.json')])

for (const { folder, manifest } of [...libraries, ...programs]) {
  const startedAt = performance.now()
  try {
    const outcome = await buildPackage(root, folder, manifest, [...tools, ...(manifest.exports ? [] : sources)])
    if (!silent && outcome === 'built') {
      console.log(`built ${basename(folder)} in ${Math.round(performance.now() - startedAt)} ms`)
    }
  } catch (error) {
    console.error(`build of ${basename(folder)} failed: ${error instanceof Error ? error.message : error}`)
    process.exitCode = 1
    break
  }
}
