// @ts-check
/** What is kept for a connection that is authenticated and silent. */

import { startChild } from '../child.mjs'
import { startServer, stopServer } from '../net.mjs'
import { atMost } from '../table.mjs'

const ROWS = /** @type {const} */ ([
  ['bare', 'base'],
  ['by hand', 'peer'],
  ['portcullis', 'ours'],
  ['bare, request let go', 'base'],
  ['portcullis, request let go', 'ours'],
])
const GOALS = new Map([
  ['portcullis', atMost(256, 'B')],
  // Smaller than a bare one that keeps its request.
  ['portcullis, request let go', atMost(0, 'B')],
])
/** How many clients connect at a time. */
const WIDTH = 50

/** @param {import('../settings.mjs').Settings} settings @returns {Promise<import('../table.mjs').Table>} */
export async function memory({ quick }) {
  const rounds = quick ? 1 : 3
  const count = quick ? 300 : 5_000
  const load = startChild('load.mjs')
  const figures = ROWS.map(() => /** @type {{ heap: number, rss: number }[]} */ ([]))
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, [variant]] of ROWS.entries()) figures[index]?.push(await connectionBytes(load, variant, count))
    }
  } finally {
    await load.stop()
  }
  return {
    name: 'memory',
    title: 'Memory per idle connection with a JWT',
    method: `What is alive on the heap after garbage collection, before and after ${count.toLocaleString('en-US')} clients have connected by WebSocket with a token each; ${rounds} servers of each. “By hand” keeps the claims, a timer and a check of events.`,
    unit: 'bytes of heap',
    digits: 0,
    compare: 'difference',
    columns: ['bytes of RSS'],
    rows: ROWS.map(([variant, role], index) => {
      const goal = GOALS.get(variant)
      const rss = figures[index]?.map(({ rss: bytes }) => bytes) ?? []
      return {
        ...{ variant, role, values: figures[index]?.map(({ heap }) => heap) ?? [] },
        more: [`${Math.min(...rss).toFixed(0)} – ${Math.max(...rss).toFixed(0)}`],
        ...(goal === undefined ? {} : { goal }),
      }
    }),
    notes: [
      "“Request let go” is `io.engine.on('connection', (socket) => { socket.request = null })`, as the documentation of Socket.IO has it.",
    ],
  }
}

/** @param {import('../child.mjs').Child} load @param {string} variant @param {number} count */
async function connectionBytes(load, variant, count) {
  const credential = /** @type {const} */ ({ in: 'auth' })
  const options = { server: { transports: ['websocket'], pingInterval: 300_000 } }
  const server = await startServer({ name: variant, group: 'memory', variant, options, credential })
  const { port, child } = server
  try {
    // Functions are compiled and tables have grown before anything is counted.
    await load.ask('prepare', { credential, count: Math.ceil(count / 10) })
    await load.ask('handshakes', { port, width: WIDTH, expected: 'admitted' })
    await load.ask('prepare', { credential, count })
    const before = await child.ask('heap')
    await load.ask('hold', { port, width: WIDTH })
    const after = await child.ask('heap')
    await load.ask('release', { port })
    return { heap: (after.heapUsed - before.heapUsed) / count, rss: (after.rss - before.rss) / count }
  } finally {
    await stopServer(server)
  }
}
