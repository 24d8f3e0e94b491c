// @ts-check
/** `npm run example 03`: runs the server of one example. Usage: run-example.mjs NN, or the name of a site */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
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

/** What starts an example, by what it is called; whole sites have names. */
const programs = new Map([
  ...[...folders].map(([number, name]) => /** @type {const} */ ([number, `${name}/server.mjs`])),
  ['php-organization', 'php-organization/start.mjs'],
])

const asked = process.argv[2]
const program = programs.get(asked?.padStart(2, '0') ?? '')
if (program === undefined) {
  const what = asked === undefined ? 'Which example?' : `There is no example ${JSON.stringify(asked)}.`
  const lines = [...programs].map(([name, path]) => `  ${name}  ${questionOf(dirname(path))}`)
  console.error([`${what} npm run example NN, where NN is one of`, ...lines].join('\n'))
  process.exit(1)
}

process.on('uncaughtException', (/** @type {NodeJS.ErrnoException & { port?: number }} */ error) => {
  console.error(error.code === 'EADDRINUSE' ? `Port ${error.port} is in use: set PORT to another.` : error)
  process.exit(1)
})
await import(pathToFileURL(join(EXAMPLES, program)).href)

/** The heading of its README. @param {string} name */
function questionOf(name) {
  const [heading = ''] = readFileSync(join(EXAMPLES, name, 'README.md'), 'utf8').split('\n')
  return heading.replace(/^# /, '')
}
