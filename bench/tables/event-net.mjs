// @ts-check
/** What an event costs the server from the socket to the listener, over TCP. */

import { measureServers } from '../net.mjs'
import { atMost } from '../table.mjs'

const ROWS = /** @type {const} */ ([
  ['bare', 'base'],
  ['socket.use, synchronous', 'peer'],
  ['socket.use, asynchronous', 'peer'],
  ['jsonwebtoken for each event', 'peer'],
  ['portcullis', 'ours'],
])

/** @param {import('../settings.mjs').Settings} settings @returns {Promise<import('../table.mjs').Table>} */
export async function eventNet({ quick }) {
  const rounds = quick ? 3 : 11
  const count = quick ? 4_000 : 20_000
  const variants = ROWS.map(([variant]) => ({
    ...{ name: variant, group: 'events', variant, options: { server: { transports: ['websocket'] } } },
    credential: /** @type {const} */ ({ in: 'auth' }),
  }))
  const figures = await measureServers(variants, { rounds, count, command: 'events' })
  return {
    name: 'event-net',
    title: 'An event with a synchronous rule, over TCP',
    method: `CPU of the server’s process for an event with a small object, on one connection, in bursts of 100 whose last is acknowledged. ${rounds} rounds of ${count.toLocaleString('en-US')}.`,
    unit: 'µs per event',
    digits: 2,
    compare: 'ratio',
    rows: ROWS.map(([variant, role], index) => ({
      variant,
      role,
      values: figures[index] ?? [],
      // Two equal servers differ by so much over TCP.
      ...(role === 'ours' ? { goal: atMost(1.05) } : {}),
    })),
  }
}
