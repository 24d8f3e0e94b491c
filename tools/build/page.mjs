// @ts-check
/** The page of a package: its files as they are, and its script as one minified module for browsers; or what Vite makes of it. */

import { cpSync, existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { rolldown } from 'rolldown'

/**
 * @param {string} folder `src/page` of the package
 * @param {string} outDir `dist/page`
 * @throws Error when the script imports what a browser does not have
 */
export async function buildPage(folder, outDir) {
  if (!existsSync(folder)) return
  if (existsSync(join(folder, 'main.tsx'))) return bundleWithVite(folder, outDir)
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

/**
 * A page of components. Its addresses are relative, so that it works below any path.
 *
 * @param {string} root
 * @param {string} outDir
 * @throws Error with whatever Vite warns of, such as an import that no browser has
 */
async function bundleWithVite(root, outDir) {
  const { build, createLogger } = await import('vite')
  /** @type {string[]} */
  const complaints = []
  const logger = createLogger('warn')
  await build({
    customLogger: {
      ...logger,
      warn: (message) => complaints.push(message),
      warnOnce: (message) => complaints.push(message),
    },
    root,
    base: './',
    configFile: false,
    envDir: false,
    publicDir: false,
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: resolve(outDir),
      emptyOutDir: false,
      target: 'es2023',
      cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
      // The content security policy of the page knows no data: addresses.
      assetsInlineLimit: 0,
      modulePreload: false,
      reportCompressedSize: false,
    },
  })
  if (complaints.length > 0) throw new Error(complaints.join('\n'))
}
