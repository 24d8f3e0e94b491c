// @ts-check
/** Servers over real TCP, one beside another: rounds that take turns, and the CPU that each server says it used. */

import { startChild } from './child.mjs'
// Makes the keys that all processes find in their environment.
import './tokens.mjs'

/**
 * @typedef {object} Variant
 * @property {string} name of its row
 * @property {string} group a module in `servers/`
 * @property {string} variant of that module
 * @property {object} [options] for it
 * @property {import('./credentials.mjs').Credential} credential
 * @property {import('./wire.mjs').Outcome} [expected] default admitted
 */

/**
 * @typedef {object} Running
 * @property {Variant} variant
 * @property {number} port
 * @property {import('./child.mjs').Child} child
 */

/** How many clients connect at a time. */
const WIDTH = 10
/** The round that warms up has so many times as many clients: functions are compiled by then. */
export const WARM_UPS = 3
/** Handshakes by WebSocket before anything counts: a server gets faster over its first thousands, by as much as is measured here. */
export const WARM_UP_HANDSHAKES = 5_000

/** @param {Variant} variant @returns {Promise<Running>} */
export async function startServer(variant) {
  const child = startChild('servers/main.mjs')
  const { group, options } = variant
  const port = await child.ask('start', { group, variant: variant.variant, options })
  return { variant, port, child }
}

/** @param {Running} server */
export async function stopServer({ child }) {
  await child.ask('stop')
  await child.stop()
}

/**
 * Microseconds of server CPU for each operation, of each variant, round by round; the first round warms up.
 *
 * @param {readonly Variant[]} variants
 * @param {{ rounds: number, count: number, command: 'handshakes' | 'upgrades' | 'events' }} work
 * @returns {Promise<number[][]>}
 */
export async function measureServers(variants, { rounds, count, command }) {
  const load = startChild('load.mjs')
  const servers = await Promise.all(variants.map(startServer))
  /** @type {number[][]} */
  const figures = variants.map(() => [])
  try {
    if (command === 'events') await holdOne(load, servers)
    for (let round = -1; round < rounds; round += 1) {
      for (let turn = 0; turn < servers.length; turn += 1) {
        const index = (turn + round + 1) % servers.length
        const server = servers[index]
        if (server === undefined) throw new Error('no such server')
        const { child, port, variant } = server
        const operations = round < 0 ? warmUp(command, count) : count
        if (command !== 'events') await load.ask('prepare', { credential: variant.credential, count: operations })
        const before = await child.ask('cpu')
        await load
          .ask(command, { port, count: operations, width: WIDTH, expected: variant.expected ?? 'admitted' })
          .catch((cause) => {
            throw new Error(`the clients of “${variant.name}” were not treated as expected`, { cause })
          })
        const spent = (await child.ask('cpu')) - before
        if (round >= 0) figures[index]?.push(spent / count)
      }
    }
  } finally {
    await load.stop()
    await Promise.all(servers.map(stopServer))
  }
  return figures
}

/** As many as a short run has time for. @param {string} command @param {number} count */
function warmUp(command, count) {
  return command === 'handshakes' && count >= 400 ? WARM_UP_HANDSHAKES : count * WARM_UPS
}

/** @param {import('./child.mjs').Child} load @param {readonly Running[]} servers */
async function holdOne(load, servers) {
  for (const { port, variant } of servers) {
    await load.ask('prepare', { credential: variant.credential, count: 1 })
    await load.ask('hold', { port, width: 1 })
  }
}
