// @ts-check
/** Who is still connected after having been ended: with the subscribers' connections cut at that moment, or while connecting. */

import { nodeOf, portOf, startCluster } from '../cluster/start.mjs'
import { within } from '../table.mjs'

const OURS = 'portcullis'
const WAYS = ['pub/sub and a Map', '@socket.io/redis-adapter, disconnectSockets', OURS]
/** How many are ended while the bus is cut once. */
const AT_ONCE = 10
/** For a close that is under way. */
const GRACE_MS = 1_000

/** @typedef {import('../cluster/start.mjs').Cluster} Cluster */
/** @typedef {import('../child.mjs').Child} Child */

/** @param {import('../settings.mjs').Settings} settings @returns {Promise<import('../table.mjs').Table>} */
export async function clusterLoss({ quick }) {
  const count = quick ? 10 : 40
  const cluster = await startCluster(3)
  try {
    const cut = await lostWithCuts(cluster, count)
    const connecting = await connectedAnyway(cluster, count)
    return {
      name: 'cluster-loss',
      title: `Still connected after having been ended, of ${count}`,
      method: `Three processes on one Redis. The subscribers’ connections are cut just before the call, and come back at once after it; or the call is made while a client of another node is being authenticated. ${count} times each.`,
      unit: `connected, of ${count}`,
      digits: 0,
      compare: 'none',
      rows: [
        ...WAYS.map((way) => row(way, 'subscribers cut', cut.get(way) ?? count)),
        ...WAYS.map((way) => row(way, 'while connecting', connecting.get(way) ?? count)),
      ],
    }
  } finally {
    await cluster.stop()
  }
}

/** @param {string} way @param {string} group @param {number} lost @returns {import('../table.mjs').Row} */
function row(way, group, lost) {
  const variant = `${way}, ${group}`
  if (way !== OURS) return { variant, role: 'peer', group, values: [lost] }
  return { variant, role: 'ours', group, values: [lost], goal: within('0', lost, 0) }
}

/** @param {Cluster} cluster @param {number} count @returns {Promise<Map<string, number>>} */
async function lostWithCuts({ nodes, clients, bus }, count) {
  const lost = new Map(WAYS.map((way) => [way, 0]))
  for (let from = 0; from < count; from += AT_ONCE) {
    const all = WAYS.flatMap((way) =>
      Array.from({ length: AT_ONCE }, (_, i) => ({ way, port: portOf(nodes[1], way), subject: `cut-${from + i}` })),
    )
    for (const { port, subject } of all) {
      const outcome = await clients.ask('connect', { port, subject })
      if (outcome !== 'admitted') throw new Error(`a client was ${outcome}`)
    }
    bus.cut()
    const calls = all.map(({ way, subject }) => ({ way, done: nodeOf(nodes[0]).ask('end', { way, subject }) }))
    // Whoever only sends has then sent; Portcullis goes on until every node has answered.
    await Promise.all(calls.filter(({ way }) => way !== OURS).map(({ done }) => done))
    bus.heal()
    await Promise.all(calls.map(({ done }) => done))
    for (const node of nodes) while (!(await node.child.ask('hears')));
    await Promise.all(
      all.map(async ({ way, port, subject }) => {
        const ended = await clients.ask('ended', { port, subject, timeoutMs: GRACE_MS })
        if (ended === null) lost.set(way, (lost.get(way) ?? 0) + 1)
      }),
    )
  }
  return lost
}

/** Resolves when what was sent before has come to the other node. @param {string} way @param {Child} from @param {Child} to */
async function fence(way, from, to) {
  const before = await to.ask('fences', { way })
  await from.ask('sendFence', { way })
  while ((await to.ask('fences', { way })) === before);
}

/** @param {Cluster} cluster @param {number} count @returns {Promise<Map<string, number>>} */
async function connectedAnyway({ nodes, clients }, count) {
  const connected = new Map(WAYS.map((way) => [way, 0]))
  const [caller, node] = [nodeOf(nodes[0]), nodeOf(nodes[1])]
  for (let round = 0; round < count; round += 1) {
    for (const way of WAYS) {
      const [port, subject] = [portOf(nodes[1], way), `connecting-${round}`]
      await node.ask('hold', { subject })
      const connecting = clients.ask('connect', { port, subject })
      while ((await node.ask('begun', { subject })) === 0);
      await caller.ask('end', { way, subject })
      await fence(way, caller, node)
      await node.ask('letGo', { subject })
      if ((await connecting) !== 'admitted') continue
      const ended = await clients.ask('ended', { port, subject, timeoutMs: GRACE_MS / 4 })
      if (ended === null) connected.set(way, (connected.get(way) ?? 0) + 1)
    }
  }
  return connected
}
