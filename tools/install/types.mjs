// @ts-check
/** The README's programs under the compilers and settings that users have. */

import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const COMPILERS = {
  'TypeScript 6': 'node_modules/typescript/bin/tsc',
  'TypeScript 7': 'node_modules/typescript7/bin/tsc',
}
const SETTINGS = {
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
}
/** As strict as it gets, and the declarations of the packages are checked as well. */
const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  skipLibCheck: false,
  target: 'es2023',
  lib: ['es2023', 'dom'],
  types: ['node'],
}

/** Where the programs are emitted. */
export const EMITTED = 'emitted'

/**
 * @param {string} project with the programs in `src`
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ violations: string[]; compiled: string[] }>}
 */
export async function compileAll(project, signal) {
  /** @type {string[]} */
  const violations = []
  /** @type {string[]} */
  const compiled = []
  for (const [resolution, settings] of Object.entries(SETTINGS)) {
    for (const [compiler, path] of Object.entries(COMPILERS)) {
      const config = join(project, `tsconfig.${resolution}.json`)
      const compilerOptions = { ...STRICT, ...settings, rootDir: 'src', outDir: EMITTED }
      writeFileSync(config, JSON.stringify({ compilerOptions, include: ['src'] }))
      const name = `${compiler}, ${resolution}`
      compiled.push(name)
      await run(process.execPath, [join(project, path), '-p', config, '--pretty', 'false'], {
        cwd: project,
        ...(signal && { signal }),
      }).catch(({ stdout, message }) => {
        const lines = String(stdout || message).split('\n')
        violations.push(...lines.filter(Boolean).map((line) => `README.md does not compile with ${name}: ${line}`))
      })
    }
  }
  return { violations, compiled }
}
