// @ts-check
/** `npm run engines`: whether every package in the lock file accepts the oldest Node that we name. Usage: check-engines.mjs [root] */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import semver from 'semver'
import { conclude } from './outcome.mjs'
import { ROOT } from './workspace.mjs'

const NODE = '20.19.0'

/**
 * @typedef {object} Locked an entry of `packages` in package-lock.json
 * @property {string} [version]
 * @property {{ node?: string }} [engines]
 * @property {boolean} [optional]
 * @property {boolean} [devOptional]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 */

/**
 * @param {string} root
 * @returns {{ violations: string[]; summary: string }}
 */
export function checkEngines(root) {
  /** @type {{ packages: Record<string, Locked> }} */
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const packages = Object.entries(lock.packages).filter(([, locked]) => !isForAnotherPlatform(locked))
  const violations = packages
    .filter(([, { engines }]) => engines?.node !== undefined && !semver.satisfies(NODE, engines.node))
    .map(([path, { version, engines }]) => {
      const name = `${path || 'the workspace'}${version ? ` ${version}` : ''}`
      return `${name} wants Node ${engines?.node}; we promise that Node ${NODE} suffices`
    })
  return { violations, summary: `${packages.length} packages accept Node ${NODE}` }
}

/** npm leaves it out here, so it cannot break an installation. @param {Locked} locked */
function isForAnotherPlatform({ optional, devOptional, os, cpu }) {
  return Boolean(optional || devOptional) && !(allows(os, process.platform) && allows(cpu, process.arch))
}

/** The lists of package.json: `linux` alone is allowed, or all but `!win32`. @param {string[] | undefined} list @param {string} value */
function allows(list, value) {
  if (list === undefined || list.includes('any')) return true
  if (list.includes(`!${value}`)) return false
  return list.includes(value) || list.every((name) => name.startsWith('!'))
}

if (process.argv[1] === import.meta.filename) {
  const { violations, summary } = checkEngines(process.argv[2] ?? ROOT)
  conclude('check-engines', violations, summary)
}
