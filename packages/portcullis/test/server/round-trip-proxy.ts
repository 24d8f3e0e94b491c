/** A TCP proxy before Redis that can prove a round trip: it lets no answer through until so many commands have come. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onCleanup } from '../harness.ts'

export interface RoundTripProxy {
  readonly port: number
  /**
   * From now on answers wait until `count` commands of this name have come. A client that waits for the first answer before it
   * sends the next command waits for ever.
   */
  expect(command: string, count: number): void
  /** How many of them have come since. */
  seen(): number
}

export async function roundTripProxy(url: string): Promise<RoundTripProxy> {
  const { hostname, port } = new URL(url)
  const open = new Set<Socket>()
  let wanted: { readonly pattern: RegExp; readonly count: number } | null = null
  let sent = ''
  let held: (() => void)[] = []
  const seen = () => (wanted === null ? 0 : (sent.match(wanted.pattern)?.length ?? 0))
  const server = createServer((inbound) => {
    const outbound = connect(Number(port || 6379), hostname)
    inbound.on('data', (data) => {
      if (wanted !== null) sent += data.toString('latin1')
      outbound.write(data)
      if (wanted === null || seen() < wanted.count) return
      for (const write of held) write()
      held = []
    })
    outbound.on('data', (data) => {
      if (wanted !== null && seen() < wanted.count) held.push(() => inbound.write(data))
      else inbound.write(data)
    })
    for (const [one, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      open.add(one)
      one.on('error', () => undefined)
      one.once('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanup(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    expect(command, count) {
      sent = ''
      wanted = { pattern: new RegExp(`\r\n\\$${command.length}\r\n${command}\r\n`, 'gi'), count }
    },
    seen,
  }
}
