// @ts-check
/**
 * `npm run sizes`: what each subpath weighs, minified and with brotli, without the packages it needs; refuses one over its limit in
 * tools/sizes.json. Needs a build. `--write` sets the limits a little above what they weigh now. Usage: check-sizes.mjs [--write] [root]
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { brotliCompressSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { conclude } from './outcome.mjs'
import { publishedPackages, ROOT } from './workspace.mjs'

const LIMITS = join('tools', 'sizes.json')
/** Room for a comment that minifies differently, and not for another module. */
const MARGIN = 1.03

/** @typedef {Record<string, number>} Sizes bytes by the name that users import */

/** @param {string} root @returns {Promise<Sizes>} @throws Error when something is not built */
export async function measureSizes(root) {
  /** @type {Sizes} */
  const sizes = {}
  for (const { folder, manifest } of publishedPackages(root)) {
    for (const [subpath, target] of Object.entries(manifest.exports ?? {})) {
      if (typeof target !== 'object' || target.default === undefined) continue
      const entry = join(folder, target.default)
      if (!existsSync(entry)) throw new Error(`${relative(root, entry)} does not exist; is it built?`)
      sizes[manifest.name + subpath.slice(1)] = await brotliBytes(entry)
    }
  }
  return sizes
}

/** Of the package's own code: what others weigh is theirs, and changes with their releases. @param {string} entry */
async function brotliBytes(entry) {
  const bundle = await rolldown({
    input: entry,
    cwd: dirname(entry),
    platform: 'node',
    tsconfig: false,
    external: (id) => !id.startsWith('.') && !id.startsWith('/'),
    onLog: () => {},
  })
  try {
    const { output } = await bundle.generate({ format: 'esm', minify: true })
    const code = output.flatMap((part) => (part.type === 'chunk' ? [part.code] : [])).join('\n')
    return brotliCompressSync(code).length
  } finally {
    await bundle.close()
  }
}

/** @param {Sizes} sizes @param {Sizes} limits @returns {string[]} */
export function findSizeViolations(sizes, limits) {
  return [
    ...Object.entries(sizes).flatMap(([name, bytes]) => {
      const limit = limits[name]
      if (limit === undefined) return [`${name} has no limit: run \`npm run sizes -- --write\``]
      if (bytes <= limit) return []
      return [
        `${name} weighs ${bytes} bytes, over ${limit}; when that is wanted, \`npm run sizes -- --write\` and say why in the commit`,
      ]
    }),
    ...Object.keys(limits)
      .filter((name) => !(name in sizes))
      .map((name) => `${name} has a limit and is not published: run \`npm run sizes -- --write\``),
  ]
}

/** @param {Sizes} sizes @returns {Sizes} */
export function limitsOf(sizes) {
  return Object.fromEntries(Object.entries(sizes).map(([name, bytes]) => [name, Math.ceil((bytes * MARGIN) / 10) * 10]))
}

if (process.argv[1] === import.meta.filename) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: 'boolean' } } })
  const root = positionals[0] ?? ROOT
  const path = join(root, LIMITS)
  const sizes = await measureSizes(root)
  if (values.write) writeFileSync(path, `${JSON.stringify(limitsOf(sizes), null, 2)}\n`)
  const limits = JSON.parse(readFileSync(path, 'utf8'))
  for (const [name, bytes] of Object.entries(sizes)) {
    console.log(`${name.padEnd(44)} ${String(bytes).padStart(6)} of ${String(limits[name] ?? '–').padStart(6)}`)
  }
  const heaviest = Math.max(...Object.values(sizes))
  const summary = `${Object.keys(sizes).length} subpaths are within their limits; the heaviest weighs ${heaviest} bytes with brotli`
  conclude('check-sizes', findSizeViolations(sizes, limits), summary)
}
