// @ts-check
/** The tarballs that would be published, and whether they hold what users need and nothing else. */

import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { filesBelow, publishedPackages } from '../workspace.mjs'

const run = promisify(execFile)

/** @typedef {{ name: string; tarball: string; files: Map<string, string> }} Packed `files`: their texts by path */

/**
 * @param {string} root
 * @param {string} folder for the tarballs
 * @param {AbortSignal} [signal]
 * @returns {Promise<Packed[]>}
 */
export async function packAll(root, folder, signal) {
  const packed = []
  for (const { folder: source, manifest } of publishedPackages(root)) {
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
    const { stdout } = await run('npm', args, { cwd: source, ...(signal && { signal }) })
    const tarball = join(folder, JSON.parse(stdout)[0].filename)
    const unpacked = join(folder, `unpacked-${manifest.name}`)
    mkdirSync(unpacked)
    await run('tar', ['-xzf', tarball, '-C', unpacked, '--strip-components=1'])
    packed.push({ name: manifest.name, tarball, files: readTexts(unpacked) })
  }
  return packed
}

/** @param {string} folder */
function readTexts(folder) {
  const everything = [folder, join(folder, 'dist')].flatMap((each) => filesBelow(each))
  return new Map(everything.map((path) => [relative(folder, path).split(sep).join('/'), readFileSync(path, 'utf8')]))
}

/** Code, its types, what a page is made of; beside it what each package has by name. */
const WELCOME = [
  /^(package\.json|README\.md|LICENSE)$/,
  /^dist\/.*\.(js|d\.ts)$/,
  /^dist\/(.*\/)?page\/.*\.(html|css|svg)$/,
  /^(demo|openapi)\/[\w-]+\.yaml$/,
  /^schema\/[\w.-]+\.json$/,
]
const NEEDED = ['package.json', 'README.md', 'LICENSE']
/** Sources stay in the repository: a map to them would lead nowhere. */
const SOURCE_MAP = /^\/\/[#@] sourceMappingURL=/m

/**
 * @param {Packed} packed
 * @param {readonly string[]} places folders of this machine, which nobody else has
 * @returns {string[]}
 */
export function findContentViolations({ name, files }, places) {
  const here = [...places, homedir()].filter((place) => place.split(sep).length > 2 || place === '/root')
  return [
    ...NEEDED.filter((path) => !files.has(path)).map((path) => `${name} comes without ${path}`),
    ...[...files].flatMap(([path, text]) => [
      ...(isWelcome(path) ? [] : [`${name} holds ${path}, which no user needs`]),
      ...(SOURCE_MAP.test(text) ? [`${name}: ${path} names a source map, and none is published`] : []),
      ...here
        .filter((place) => text.includes(`${place}/`))
        .map((place) => `${name}: ${path} names ${place}, a folder of the machine that built it`),
    ]),
  ]
}

/** @param {string} path */
function isWelcome(path) {
  return WELCOME.some((pattern) => pattern.test(path)) && !/(^|\/)(test|tests|__tests__|fixtures)\/|\.test\./.test(path)
}
