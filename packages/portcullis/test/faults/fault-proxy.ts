/** A TCP proxy before a real server, with the faults of a network. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from 'node:net'
import { onCleanup } from '../harness.ts'

export interface FaultProxy {
  readonly port: number
  /** Answers of the server arrive so many milliseconds later. To be changed while none is on its way. */
  delay(ms: number): void
  /** Nothing passes, nothing is closed, nothing is lost: as behind a cable that was pulled and will be plugged in again. */
  hold(): void
  /** What was held passes. */
  release(): void
  /** What is open now is dead from here on, and nobody is told; connections made later pass. */
  swallow(): void
}

interface Pair {
  readonly inbound: Socket
  readonly outbound: Socket
  readonly waiting: (() => void)[]
  dead: boolean
}

export async function faultProxy(target: NetConnectOpts): Promise<FaultProxy> {
  const pairs = new Set<Pair>()
  let delayMs = 0
  let held = false
  const server = createServer((inbound) => {
    const pair: Pair = { inbound, outbound: connect(target), dead: false, waiting: [] }
    const { outbound } = pair
    pairs.add(pair)
    const pass = (write: () => void) => {
      if (pair.dead) return
      if (held) pair.waiting.push(write)
      else write()
    }
    inbound.on('data', (data) => pass(() => outbound.write(data)))
    // Timers of one length fire in their order, so bytes keep theirs while the delay is not changed.
    outbound.on('data', (data) => {
      if (delayMs === 0) pass(() => inbound.write(data))
      else setTimeout(() => pass(() => inbound.write(data)), delayMs)
    })
    for (const [one, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      one.setNoDelay(true)
      one.on('error', () => undefined)
      one.once('close', () => {
        pairs.delete(pair)
        other.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanup(() => {
    for (const { inbound } of pairs) inbound.destroy()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    delay(ms) {
      delayMs = ms
    },
    hold() {
      held = true
    },
    release() {
      held = false
      for (const { waiting } of pairs) for (const write of waiting.splice(0)) write()
    },
    swallow() {
      for (const pair of pairs) pair.dead = true
    },
  }
}
