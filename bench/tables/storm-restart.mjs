// @ts-check
/** As many clients as two nodes hold, all at once after a restart: when the last is back, and what the database was asked. */

import { startChild } from '../child.mjs'
import { startServer, stopServer } from '../net.mjs'
import { putTokens } from '../servers/postgres.mjs'

/** One process may not have so many connections open as all the clients are. */
const NODES = 2
/** How many clients of each node connect at a time. */
const WIDTH = 500
const CREDENTIAL = /** @type {const} */ ({ in: 'opaque' })

/** @param {import('../settings.mjs').Settings} settings @returns {Promise<import('../table.mjs').Table>} */
export async function stormRestart({ quick }) {
  const count = quick ? 1_000 : 20_000
  const removeTokens = await putTokens(count / NODES)
  try {
    const byHand = await restart('one query each', count)
    const ours = await restart('portcullis', count)
    return {
      name: 'storm-restart',
      title: `${count.toLocaleString('en-US')} clients after a restart of two nodes, access tokens in PostgreSQL`,
      method: `From the first connection to the last admission, ${WIDTH} at a time on each of two processes, which have been started for it; each query takes the database 5 ms, over a pool of ten connections for each. Once.`,
      unit: 's until all are back',
      compare: 'none',
      columns: ['queries', 'of 100 clients'],
      rows: [
        { variant: 'one query for each, by hand', role: 'peer', values: [byHand.seconds], more: cells(byHand, count) },
        {
          ...{ variant: 'portcullis', role: 'ours', values: [ours.seconds], more: cells(ours, count) },
          goal: () => ({
            text: 'all back in 30 s with 1 query for 100',
            met: ours.seconds <= 30 && ours.queries <= count / 100,
            measured: `${ours.seconds.toFixed(1)} s and ${cells(ours, count)[1]}`,
          }),
        },
      ],
    }
  } finally {
    await removeTokens()
  }
}

/** @param {string} variant @param {number} count */
async function restart(variant, count) {
  const options = { server: { transports: ['websocket'] } }
  const nodes = await Promise.all(
    Array.from({ length: NODES }, async () => ({
      server: await startServer({ name: variant, group: 'access-token', variant, options, credential: CREDENTIAL }),
      load: startChild('load.mjs'),
    })),
  )
  try {
    for (const { load } of nodes) await load.ask('prepare', { credential: CREDENTIAL, count: count / NODES })
    const started = performance.now()
    await Promise.all(nodes.map(({ server, load }) => load.ask('hold', { port: server.port, width: WIDTH })))
    const seconds = (performance.now() - started) / 1000
    const asked = await Promise.all(nodes.map(({ server }) => server.child.ask('stats')))
    return { seconds, queries: asked.reduce((sum, { asked: queries }) => sum + queries, 0) }
  } finally {
    await Promise.all(nodes.map(({ load }) => load.stop()))
    await Promise.all(nodes.map(({ server }) => stopServer(server)))
  }
}

/** @param {{ queries: number }} outcome @param {number} count */
function cells({ queries }, count) {
  return [queries.toLocaleString('en-US'), ((queries / count) * 100).toFixed(2)]
}
