/** Runs the tests that an abandoned package has in its npm tarball, unedited, with a facade in the place of its code. */

import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const folder = join(root, 'packages', 'portcullis')
const adapters = fileURLToPath(new URL('./adapters', import.meta.url))
const modules = join(root, 'node_modules')

/** Packages of that time, as small modules over those of today. */
const ADAPTED = ['socket.io', 'socket.io-client', 'request', 'xmlhttprequest', 'connect']

export interface OriginalSuite {
  /** As it is called on npm; it must be installed. */
  readonly package: string
  /** The subpath of `portcullis/compat/`. */
  readonly facade: string
  /** Which client stands for the old one: Engine.IO 3 with 2, and 4 with 3 and 4. */
  readonly client: 2 | 3 | 4
  /** What in the package is replaced by the facade. Default: its `main`. */
  readonly replaced?: string
  /** Relative to the package. Default: Mocha's, which is `test/*.js`. */
  readonly files?: readonly string[]
  /** Installed modules that Mocha loads first, besides those that `test/mocha.opts` names. */
  readonly require?: readonly string[]
}

export interface SuiteOutcome {
  /** Full titles. */
  readonly passed: readonly string[]
  readonly failed: readonly { readonly title: string; readonly message: string }[]
}

interface MochaReport {
  readonly passes: readonly { readonly fullTitle: string }[]
  readonly failures: readonly { readonly fullTitle: string; readonly err: { readonly message?: string } }[]
}

/** In a process of Mocha, with the facade as it was built. */
export async function runOriginalSuite(suite: OriginalSuite): Promise<SuiteOutcome> {
  // Below our own node_modules, so that what is not adapted is found.
  const scratch = join(folder, 'node_modules', '.cache', 'original-suites', randomUUID())
  try {
    const home = join(scratch, 'suite')
    await cp(join(modules, suite.package), home, {
      recursive: true,
      filter: (source) => !source.startsWith(join(modules, suite.package, 'node_modules')),
    })
    await put(await replacedFile(home, suite), join(folder, 'dist', 'compat', `${suite.facade}.js`))
    for (const name of ADAPTED) await put(join(home, 'node_modules', name, 'index.js'), join(adapters, `${name}.cjs`))
    await linkDependencies(home, suite.package)
    return await runMocha(home, suite)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** A CommonJS module that is another one. */
async function put(path: string, target: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `module.exports = require(${JSON.stringify(target)})\n`)
}

async function replacedFile(home: string, { replaced }: OriginalSuite): Promise<string> {
  if (replaced !== undefined) return join(home, replaced)
  return createRequire(join(home, 'package.json')).resolve(home)
}

/** What the package has only for itself, its tests may need as well. */
async function linkDependencies(home: string, name: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { dependencies?: object }
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    const own = join(modules, name, 'node_modules', dependency)
    // Present only where npm could not share it.
    if (existsSync(own)) await symlink(own, join(home, 'node_modules', dependency))
  }
}

async function optionsFile(home: string): Promise<string[]> {
  const text = await readFile(join(home, 'test', 'mocha.opts'), 'utf8').catch(() => '')
  return text.split(/\s+/).filter((word) => word !== '')
}

async function runMocha(home: string, suite: OriginalSuite): Promise<SuiteOutcome> {
  const words = await optionsFile(home)
  const required = words.flatMap((word, index) => (word === '--require' ? [words[index + 1] ?? ''] : []))
  const report = join(home, 'report.json')
  const args = [
    join(modules, 'mocha', 'bin', 'mocha.js'),
    '--exit',
    ...['--timeout', '15000', '--reporter', 'json', '--reporter-option', `output=${report}`],
    ...[join(adapters, 'fixed-port.cjs'), ...required, ...(suite.require ?? [])].flatMap((each) => ['--require', each]),
    ...(suite.files ?? []),
  ]
  const { NODE_OPTIONS: _, ...env } = process.env
  const output = await new Promise<string>((resolve) => {
    const options = { cwd: home, env: { ...env, ORIGINAL_SUITE_CLIENT: String(suite.client) }, timeout: 120_000 }
    execFile(process.execPath, args, options, (_error, stdout, stderr) => resolve(`${stdout}\n${stderr}`))
  })
  const text = await readFile(report, 'utf8').catch(() => {
    throw new Error(`Mocha wrote no report:\n${output.slice(-4000)}`)
  })
  const { passes, failures } = JSON.parse(text) as MochaReport
  return {
    passed: passes.map(({ fullTitle }) => fullTitle),
    failed: failures.map(({ fullTitle, err }) => ({ title: fullTitle, message: err.message ?? '' })),
  }
}
