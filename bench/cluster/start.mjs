// @ts-check
/** Nodes in processes of their own on one Redis, their subscribers behind a proxy, and a process of clients. */

import { startChild } from '../child.mjs'
import { PREFIX, REDIS_URL, redisClient } from '../servers/redis.mjs'
import { cuttableProxy } from './proxy.mjs'

/** @typedef {{ child: import('../child.mjs').Child, ports: Record<string, number> }} Node */
/** @typedef {Awaited<ReturnType<typeof startCluster>>} Cluster */

let clusters = 0

/** @param {number} count */
export async function startCluster(count) {
  clusters += 1
  const prefix = `${PREFIX}cluster-${clusters}:`
  const { hostname, port } = new URL(REDIS_URL)
  const bus = await cuttableProxy({ host: hostname, port: Number(port || 6379) })
  const clients = startChild('cluster/clients.mjs')
  /** @type {Node[]} */
  const nodes = await Promise.all(
    Array.from({ length: count }, async () => {
      const child = startChild('cluster/node.mjs')
      return { child, ports: await child.ask('start', { busPort: bus.port, prefix }) }
    }),
  )
  return {
    nodes,
    clients,
    bus,
    async stop() {
      for (const { child } of nodes) {
        child.kill('SIGKILL')
        await child.stop()
      }
      await clients.stop()
      await bus.close()
      await forget(prefix)
    },
  }
}

/** @param {string} prefix */
async function forget(prefix) {
  const client = await redisClient()
  // The log puts its prefix in braces.
  for (const pattern of [`${prefix}*`, `{${prefix}*`]) {
    for await (const keys of client.scanIterator({ MATCH: pattern, COUNT: 1_000 })) {
      if (keys.length > 0) await client.del(keys)
    }
  }
  await client.close()
}

/** @param {Node | undefined} node */
export function nodeOf(node) {
  if (node === undefined) throw new Error('no such node')
  return node.child
}

/** @param {Node | undefined} node @param {string} way */
export function portOf(node, way) {
  const port = node?.ports[way]
  if (port === undefined) throw new Error(`no node has ${way}`)
  return port
}
