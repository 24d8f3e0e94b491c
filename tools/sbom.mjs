// @ts-check
/**
 * `npm run sbom`: a bill of materials of each published package, in CycloneDX 1.5: what comes along at run time, from the lock file.
 * Usage: sbom.mjs [root] [folder]
 */

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { conclude } from './outcome.mjs'
import { publishedPackages, ROOT } from './workspace.mjs'

const run = promisify(execFile)

/**
 * @typedef {object} Component
 * @property {string} name
 * @property {string} version
 * @property {string} purl
 * @property {string} scope
 *
 * @typedef {object} Bill
 * @property {string} bomFormat
 * @property {string} specVersion
 * @property {string} [serialNumber]
 * @property {{ timestamp?: string; component: Component }} metadata
 * @property {Component[]} components
 * @property {{ ref: string; dependsOn: string[] }[]} dependencies
 */

/**
 * @typedef {object} Locked an entry of package-lock.json
 * @property {string} [name]
 * @property {string} [version]
 * @property {string} [license]
 * @property {boolean} [dev]
 * @property {boolean} [devOptional]
 * @property {string} [resolved] of a link, the folder
 * @property {boolean} [link]
 * @property {Record<string, string>} [dependencies]
 */

/**
 * The part of a lock file that one workspace brings along at run time, as the lock file of a project that has only that. npm's own
 * answer for a workspace leaves out what the root needs too.
 *
 * @param {Record<string, Locked>} packages
 * @param {string} folder such as `packages/portcullis`
 * @param {{ name: string; version: string; license?: string; dependencies?: Record<string, string> }} manifest
 * @returns {{ name: string; version: string; lockfileVersion: number; packages: Record<string, Locked> }}
 */
export function lockOf(packages, folder, { name, version, license, dependencies = {} }) {
  /** @type {Record<string, Locked>} */
  const kept = {}
  /** @param {string} from @param {Record<string, string>} needed @param {string} at where it stands in the new lock file */
  const follow = (from, needed, at) => {
    for (const dependency of Object.keys(needed)) {
      const path = resolvePath(packages, from, dependency)
      const { link, resolved = '', dev: _, devOptional: __, ...found } = packages[path] ?? {}
      const target = link ? resolved : path
      const entry = link ? { ...packages[target], name: dependency } : found
      const place = placeOf(kept, at, dependency, entry.version)
      if (place === null) continue
      kept[place] = entry
      follow(target, entry.dependencies ?? {}, place)
    }
  }
  follow(folder, dependencies, '')
  return {
    name,
    version,
    lockfileVersion: 3,
    packages: { '': { name, version, ...(license && { license }), dependencies }, ...kept },
  }
}

/** As Node looks it up. @param {Record<string, Locked>} packages @param {string} from @param {string} name */
function resolvePath(packages, from, name) {
  for (let at = from; ; at = at.includes('/') ? at.slice(0, at.lastIndexOf('/')) : '') {
    const path = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`
    if (packages[path] !== undefined) return path
    if (at === '') throw new Error(`package-lock.json has no ${name} for ${from}`)
  }
}

/**
 * At the top, or where another version stands there beneath what needs it; null where it stands already.
 *
 * @param {Record<string, Locked>} kept @param {string} at @param {string} name @param {string | undefined} version
 */
function placeOf(kept, at, name, version) {
  const top = `node_modules/${name}`
  if (kept[top] === undefined) return top
  if (kept[top].version === version) return null
  const nested = `${at}/${top}`
  return kept[nested] === undefined ? nested : null
}

/**
 * The same for the same lock file: without the number and the time that npm puts in.
 *
 * @param {string} root
 * @param {string} folder
 * @returns {Promise<Bill>}
 */
export async function billOf(root, folder) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const lock = lockOf(packages, relative(root, folder).split(sep).join('/'), manifest)
  const parent = mkdtempSync(join(tmpdir(), 'sbom-'))
  // npm calls what is described by the name of the folder.
  const project = join(parent, manifest.name)
  try {
    mkdirSync(project)
    writeFileSync(join(project, 'package-lock.json'), JSON.stringify(lock))
    writeFileSync(join(project, 'package.json'), JSON.stringify(lock.packages['']))
    const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only']
    const { stdout } = await run('npm', args, { cwd: project, maxBuffer: 1 << 26 })
    /** @type {Bill} */
    const bill = JSON.parse(stdout)
    delete bill.serialNumber
    delete bill.metadata.timestamp
    return bill
  } finally {
    rmSync(parent, { recursive: true })
  }
}

/** @param {Bill} bill @param {string} name @returns {string[]} */
export function findBillViolations({ bomFormat, specVersion, metadata, components, dependencies }, name) {
  const known = new Set(components.map((component) => component.purl))
  return [
    ...(bomFormat === 'CycloneDX' && specVersion >= '1.5' ? [] : [`the bill of ${name} is no CycloneDX 1.5`]),
    ...(metadata.component.name === name ? [] : [`the bill of ${name} is of ${metadata.component.name}`]),
    ...(components.length > 0 ? [] : [`the bill of ${name} is empty`]),
    ...components
      .filter(({ purl }) => !purl?.startsWith('pkg:npm/'))
      .map((component) => `${component.name} has no purl`),
    ...(dependencies.length > 0 && known.size > 0 ? [] : [`the bill of ${name} says nothing of what needs what`]),
  ]
}

if (process.argv[1] === import.meta.filename) {
  const root = process.argv[2] ?? ROOT
  const folder = process.argv[3] ?? join(root, 'sbom')
  mkdirSync(folder, { recursive: true })
  const violations = []
  const counts = []
  for (const { folder: source, manifest } of publishedPackages(root)) {
    const bill = await billOf(root, source)
    violations.push(...findBillViolations(bill, manifest.name))
    const path = join(folder, `${manifest.name}.cdx.json`)
    writeFileSync(path, `${JSON.stringify(bill, null, 2)}\n`)
    counts.push(`${relative(root, path)} ${bill.components.length}`)
  }
  conclude('sbom', violations, `components: ${counts.join(', ')}`)
}
