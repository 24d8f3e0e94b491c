// @ts-check
/** A TCP proxy before Redis that can be cut: open connections are destroyed, and new ones too until it heals. */

import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/** @param {{ host: string, port: number }} target */
export async function cuttableProxy(target) {
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set()
  let isCut = false
  const server = createServer((inbound) => {
    if (isCut) {
      inbound.destroy()
      return
    }
    const outbound = connect(target.port, target.host)
    join(inbound, outbound)
    join(outbound, inbound)
  })
  /** @param {import('node:net').Socket} one @param {import('node:net').Socket} other */
  function join(one, other) {
    sockets.add(one)
    one.setNoDelay(true)
    one.on('data', (data) => other.write(data))
    one.on('error', () => {})
    one.once('close', () => {
      sockets.delete(one)
      other.destroy()
    })
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: /** @type {import('node:net').AddressInfo} */ (server.address()).port,
    cut() {
      isCut = true
      for (const socket of sockets) socket.destroy()
    },
    heal() {
      isCut = false
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
