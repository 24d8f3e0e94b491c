// @ts-check
/** A TCP proxy that can be cut: open connections are destroyed or go silent, and new ones fail. */

import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/** @param {number} target port on the loopback interface */
export async function cuttableProxy(target) {
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set()
  let cut = false
  let silent = false
  const server = createServer((inbound) => {
    if (cut) {
      inbound.destroy()
      return
    }
    const outbound = connect(target, '127.0.0.1')
    for (const [one, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ]) {
      if (one === undefined || other === undefined) continue
      sockets.add(one)
      one.setNoDelay(true)
      one.on('data', (data) => {
        if (!silent) other.write(data)
      })
      one.on('error', () => {})
      one.once('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: /** @type {import('node:net').AddressInfo} */ (server.address()).port,
    /** Connections are reset, and new ones too. */
    cut() {
      cut = true
      destroyAll()
    },
    /** Connections stand, and nothing passes; what is sent meanwhile is lost. */
    silence() {
      silent = true
    },
    heal() {
      // What was silent has lost bytes, and is of no use any more.
      if (silent) destroyAll()
      cut = false
      silent = false
    },
    async close() {
      destroyAll()
      server.close()
      await once(server, 'close')
    },
  }
}
