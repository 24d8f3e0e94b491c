// @ts-check
/** An empty project that installs the tarballs, and beside them what the README's examples name. */

import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What the examples import or a client needs, and the two compilers. At the versions of our own lock file, which npm may have in its cache. */
const BESIDE = ['socket.io', 'socket.io-client', 'express-session', 'zod', '@types/node', '@types/express-session']
const COMPILERS = ['typescript', 'typescript7']

/**
 * @param {string} root
 * @param {string} project
 * @param {readonly string[]} tarballs
 * @param {AbortSignal} [signal]
 * @returns {Promise<Record<string, import('./dependencies.mjs').Entry>>} the packages of its lock file
 */
export async function installProject(root, project, tarballs, signal) {
  const { packages: ours } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  /** @param {string} name */
  const locked = (name) => {
    const entry = ours[`node_modules/${name}`]
    if (entry === undefined) throw new Error(`package-lock.json has no ${name}`)
    return entry.name === undefined ? `${name}@${entry.version}` : `${name}@npm:${entry.name}@${entry.version}`
  }
  // TypeScript 7 is a program for each platform, which it names as optional; of the others' optional packages none is wanted.
  const native = `@typescript/typescript-${process.platform}-${process.arch}`
  mkdirSync(join(project, 'src'), { recursive: true })
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional']
  const wanted = [...tarballs, ...[...BESIDE, ...COMPILERS, native].map(locked)]
  await run('npm', ['install', ...quiet, ...wanted], {
    cwd: project,
    // What npm tells the scripts that it runs is of our workspace, and not of this project.
    env: Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) => !/^npm_(package|lifecycle|command|config_(local_)?prefix)/.test(name),
      ),
    ),
    ...(signal && { signal }),
  })
  return JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')).packages
}
