// @ts-check
/** Compiles a package's entries and what they import, file by file, with tsdown. */

import { rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { build } from 'tsdown'

/** Every import by name stays one, a package's import of itself included. */
const BY_NAME = /^[^./]/

/**
 * @param {object} options
 * @param {string} options.root holds the tsconfig.json
 * @param {string} options.folder the package's
 * @param {readonly string[]} options.entries relative to `src`, without extension
 * @param {string} options.outDir
 * @param {boolean} options.types whether to write `.d.ts` as well
 */
export async function compile({ root, folder, entries, outDir, types }) {
  // Of this package alone: with the workspace's own, declarations of every test would be written too.
  // In the root, because declarations are written for what lies below their configuration.
  const tsconfig = join(root, `.tsconfig-${basename(outDir)}.json`)
  const include = [join(folder, 'src')]
  writeFileSync(
    tsconfig,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      include,
      exclude: [join(folder, 'src', 'page')],
    }),
  )
  try {
    await compileWith(tsconfig, { folder, entries, outDir, types })
  } finally {
    rmSync(tsconfig, { force: true })
  }
}

/**
 * @param {string} tsconfig
 * @param {object} options
 * @param {string} options.folder
 * @param {readonly string[]} options.entries
 * @param {string} options.outDir
 * @param {boolean} options.types
 */
async function compileWith(tsconfig, { folder, entries, outDir, types }) {
  await withoutNotice(() =>
    build({
      cwd: folder,
      config: false,
      tsconfig,
      entry: Object.fromEntries(entries.map((entry) => [entry, `src/${entry}.ts`])),
      outDir,
      root: join(folder, 'src'),
      format: 'esm',
      platform: 'neutral',
      target: 'node20.19',
      unbundle: true,
      fixedExtension: false,
      sourcemap: false,
      dts: types && { tsgo: { path: nativeCompiler() } },
      deps: { neverBundle: [BY_NAME] },
      checks: { pluginTimings: false },
      report: false,
      logLevel: 'warn',
      failOnWarn: true,
    }),
  )
}

/** TypeScript 7 writes the declarations of the library in a third of a second; 6 takes three. */
function nativeCompiler() {
  return join(dirname(createRequire(import.meta.url).resolve('typescript7/package.json')), 'bin', 'tsc')
}

/** `tsgo` is called experimental on the console at every build. @param {() => Promise<unknown>} work */
async function withoutNotice(work) {
  const { warn } = console
  console.warn = (/** @type {unknown[]} */ ...parts) => {
    if (!String(parts[0]).includes('`tsgo` option is experimental')) warn(...parts)
  }
  try {
    await work()
  } finally {
    console.warn = warn
  }
}
