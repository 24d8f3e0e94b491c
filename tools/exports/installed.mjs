// @ts-check
/** Installs a package as its users will get it: from the tarball, with nothing but what it declares beside it. */

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * @param {string} folder the package's
 * @param {import('../workspace.mjs').Manifest} manifest
 * @param {string} project an empty folder
 * @returns {Promise<{ installed: string; tarball: string }>}
 */
export async function install(folder, manifest, project) {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], {
    cwd: folder,
  })
  const tarball = join(project, JSON.parse(stdout)[0].filename)
  const modules = join(project, 'node_modules')
  const installed = join(modules, manifest.name)
  mkdirSync(installed, { recursive: true })
  await run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
    const source = findInstalled(folder, name)
    const target = join(modules, name)
    if (source === null || existsSync(target)) continue
    mkdirSync(dirname(target), { recursive: true })
    symlinkSync(source, target)
  }
  return { installed, tarball }
}

/** @param {string} from @param {string} name @returns {string | null} */
function findInstalled(from, name) {
  const candidate = join(from, 'node_modules', name)
  if (existsSync(candidate)) return candidate
  return dirname(from) === from ? null : findInstalled(dirname(from), name)
}

/**
 * What each name exports when Node itself imports it.
 *
 * @param {string} project
 * @param {readonly string[]} names
 * @returns {Promise<Record<string, { exports: string[] } | { error: string }>>}
 */
export async function importAll(project, names) {
  const program = `
    const found = {}
    for (const name of ${JSON.stringify(names)}) {
      found[name] = await import(name).then(
        (module) => ({ exports: Object.keys(module) }),
        (error) => ({ error: String(error).split('\\n')[0] }),
      )
    }
    console.log(JSON.stringify(found))`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: project })
  return JSON.parse(stdout)
}

/**
 * @param {Record<string, { exports: string[] } | { error: string }>} imported
 * @returns {string[]}
 */
export function findImportViolations(imported) {
  return Object.entries(imported).flatMap(([name, found]) => {
    if ('error' in found) return [`import '${name}' fails once installed: ${found.error}`]
    // Old packages were loaded by `require` or by default; a facade that one import line leads to has to be too.
    if (found.exports.includes('default') && !name.includes('/compat/'))
      return [`${name} has a default export; exports are named, so that each is called the same everywhere`]
    return found.exports.length === 0
      ? [`${name} exports no value; a subpath that holds only types belongs to another one`]
      : []
  })
}
