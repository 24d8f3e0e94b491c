// @ts-check
/** What an import takes in a fresh process that has Socket.IO already. */

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { atMost } from '../table.mjs'

const run = promisify(execFile)
const FOLDER = fileURLToPath(new URL('..', import.meta.url))

/** @typedef {import('../table.mjs').Row} Row */

/** @type {readonly (Omit<Row, 'values'> & { modules: readonly string[] })[]} */
const ROWS = [
  { variant: 'jsonwebtoken', role: 'peer', group: 'alone', modules: ['jsonwebtoken'] },
  { variant: 'jose', role: 'peer', group: 'alone', modules: ['jose'] },
  { variant: 'socketio-jwt', role: 'peer', group: 'alone', modules: ['socketio-jwt'] },
  { variant: 'express-session', role: 'peer', group: 'alone', modules: ['express-session'] },
  {
    variant: 'passport.socketio with what it needs',
    role: 'peer',
    group: 'alone',
    modules: ['passport.socketio', 'passport', 'cookie-parser'],
  },
  { variant: 'portcullis', role: 'ours', modules: ['portcullis'], goal: atMost(30, 'ms') },
  {
    variant: 'portcullis with jwt and session',
    role: 'ours',
    modules: ['portcullis', 'portcullis/strategies/jwt', 'portcullis/strategies/session'],
  },
]

/** @param {import('../settings.mjs').Settings} settings @returns {Promise<import('../table.mjs').Table>} */
export async function startUp({ quick }) {
  const rounds = quick ? 2 : 15
  /** @type {number[][]} */
  const figures = ROWS.map(() => [])
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, { modules }] of ROWS.entries()) {
      const ms = await importTime(modules)
      if (round >= 0) figures[index]?.push(ms)
    }
  }
  return {
    name: 'start-up',
    title: 'Start-up',
    method: `How long the import takes, from disk, in a process of its own that has imported socket.io before; ${rounds} times, taking turns.`,
    unit: 'ms over socket.io',
    compare: 'none',
    rows: ROWS.map((row, index) => ({ ...row, values: figures[index] ?? [] })),
  }
}

/** @param {readonly string[]} modules */
async function importTime(modules) {
  const code = `
    await import('socket.io')
    const started = performance.now()
    for (const name of ${JSON.stringify(modules)}) await import(name)
    console.log(performance.now() - started)
  `
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code], { cwd: FOLDER })
  const ms = Number(stdout)
  if (!(ms > 0)) throw new Error(`instead of milliseconds: ${stdout}`)
  return ms
}
