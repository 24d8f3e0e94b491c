// @ts-check
/** RESULTS.md and its plots. */

import { readFileSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { plotOf } from './plot.mjs'
import { sectionOf, whereItLost } from './report.mjs'

/** @typedef {import('./table.mjs').Table} Table */

const PEERS = [
  'socket.io',
  'jsonwebtoken',
  'jose',
  'socketio-jwt',
  '@thream/socketio-jwt',
  'express-session',
  'connect-redis',
  'passport.socketio',
  '@socket.io/redis-adapter',
  'redis',
  'pg',
]
const PLOTS = new URL('plots/', import.meta.url)
const RESULTS = new URL('RESULTS.md', import.meta.url)

/**
 * @param {readonly Table[]} tables
 * @param {import('./settings.mjs').Settings} settings
 * @param {number} seconds that it took
 */
export async function writeReport(tables, settings, seconds) {
  await mkdir(PLOTS, { recursive: true })
  // Of a run of all tables nothing else is left.
  if (settings.only === null) {
    for (const name of await readdir(PLOTS)) if (name.endsWith('.svg')) await rm(new URL(name, PLOTS))
  }
  for (const table of tables) await writeFile(new URL(`${table.name}.svg`, PLOTS), plotOf(table))
  const parts = [introduction(settings, seconds), whereItLost(tables), ...tables.map((table) => sectionOf(table))]
  await writeFile(RESULTS, `${parts.join('\n\n')}\n`)
}

/** @param {import('./settings.mjs').Settings} settings @param {number} seconds */
function introduction({ quick, only }, seconds) {
  const flags = [...(quick ? ['--quick'] : []), ...(only === null ? [] : ['--only', only.join(',')]), '--write']
  return `# Results

Made by \`npm run bench -- ${flags.join(' ')}\` in ${Math.round(seconds / 60)} minutes, with Node ${process.version},
${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown processor'}${quick ? '. A quick run: its figures say that it runs, not much more' : ''}.

Over TCP, a figure is the CPU that the server's own process says it used, for clients in another process that speak raw frames. Variants take turns
within each round; the first round, by WebSocket 5,000 clients for each server, warms up and does not count. Figures are medians, with quartiles. A ratio is taken against bare Socket.IO carrying the same credential
in the same round, a difference likewise. Times differ from machine to machine, and two equal servers differ by 2 to 5 % over TCP: compare ratios, and where
microseconds count, the tables that are measured in process. Goals were set before the code was written. Less is better everywhere.

A variant whose clients are not all admitted, or not all refused where that is measured, ends the run. Beside Portcullis: ${PEERS.map(versioned).join(', ')}.`
}

/** @param {string} name of a package; some do not export their package.json */
function versioned(name) {
  const manifest = readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')
  return `${name} ${JSON.parse(manifest).version}`
}
