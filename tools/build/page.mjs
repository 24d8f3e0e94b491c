// @ts-check
/** The page of a package: its files as they are, and its script as one minified module for browsers. */

import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

/**
 * @param {string} folder `src/page` of the package
 * @param {string} outDir `dist/page`
 * @throws Error when the script imports what a browser does not have
 */
export async function buildPage(folder, outDir) {
  if (!existsSync(folder)) return
  cpSync(folder, outDir, { recursive: true, filter: (source) => !source.endsWith('.ts') })
  const script = join(folder, 'main.ts')
  if (existsSync(script)) await bundleForBrowsers(script, join(outDir, 'main.js'))
}

/**
 * @param {string} input
 * @param {string} file
 */
async function bundleForBrowsers(input, file) {
  /** @type {string[]} */
  const complaints = []
  // Packages are resolved by their `exports`, as at the application's; the workspace's `paths` lead to the sources.
  const bundle = await rolldown({
    input,
    platform: 'browser',
    tsconfig: false,
    onLog: (level, log) => {
      if (level === 'warn') complaints.push(log.message)
    },
  })
  try {
    const { output } = await bundle.write({ file, format: 'esm', minify: true, codeSplitting: false })
    complaints.push(
      ...output
        .flatMap((chunk) => ('imports' in chunk ? chunk.imports : []))
        .map((name) => `unresolved import of ${name}`),
    )
  } finally {
    await bundle.close()
  }
  if (complaints.length > 0) throw new Error(complaints.join('\n'))
}
