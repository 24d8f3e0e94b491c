// @ts-check
/** `npm run example 03`: runs the server of one example. Usage: run-example.mjs NN */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT } from './workspace.mjs'

const EXAMPLES = join(ROOT, 'examples')

/** The folders of the examples, by their numbers. */
const folders = new Map(
  readdirSync(EXAMPLES)
    .filter((name) => /^\d\d-/.test(name) && existsSync(join(EXAMPLES, name, 'server.mjs')))
    .sort()
    .map((name) => [name.slice(0, 2), name]),
)

const asked = process.argv[2]
const folder = folders.get(asked?.padStart(2, '0') ?? '')
if (folder === undefined) {
  const what = asked === undefined ? 'Which example?' : `There is no example ${JSON.stringify(asked)}.`
  const lines = [...folders].map(([number, name]) => `  ${number}  ${questionOf(name)}`)
  console.error([`${what} npm run example NN, where NN is one of`, ...lines].join('\n'))
  process.exit(1)
}

process.on('uncaughtException', (/** @type {NodeJS.ErrnoException & { port?: number }} */ error) => {
  console.error(error.code === 'EADDRINUSE' ? `Port ${error.port} is in use: set PORT to another.` : error)
  process.exit(1)
})
await import(pathToFileURL(join(EXAMPLES, folder, 'server.mjs')).href)

/** The heading of its README. @param {string} name */
function questionOf(name) {
  const [heading = ''] = readFileSync(join(EXAMPLES, name, 'README.md'), 'utf8').split('\n')
  return heading.replace(/^# /, '')
}
