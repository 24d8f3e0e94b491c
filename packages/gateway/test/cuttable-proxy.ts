/** A TCP proxy before a real server, which can be cut and mended: an outage, without stopping what other tests use. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from 'node:net'
import { afterFile } from './cleanups.ts'

export interface CuttableProxy {
  readonly port: number
  /** Ends every connection, and refuses new ones. */
  cut(): void
  mend(): void
}

export async function cuttableProxy(target: NetConnectOpts): Promise<CuttableProxy> {
  const open = new Set<Socket>()
  let isCut = false
  const keep = (socket: Socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => open.delete(socket))
    return socket
  }
  const server = createServer((inbound) => {
    keep(inbound)
    if (isCut) return inbound.destroy()
    const outbound = keep(connect(target))
    inbound.pipe(outbound).pipe(inbound)
    inbound.once('close', () => outbound.destroy())
    outbound.once('close', () => inbound.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    isCut = true
    for (const socket of open) socket.destroy()
  }
  afterFile(() => {
    cut()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    mend() {
      isCut = false
    },
  }
}
