/** Two nodes behind a balancer that, like a real one, sends new connections to whoever is ready. */

import type { AddressInfo } from 'node:net'
import { connect as connectTcp, createServer, type Socket as TcpSocket } from 'node:net'
import { permit } from 'portcullis'
import { type Harness, onCleanup, start } from '../harness.ts'

type Options = Parameters<typeof start>[0]

/** A node whose `/chat` answers `echo`. */
export async function node(options: Options = {}): Promise<Harness> {
  const harness = await start({ limits: { handshakesPerMinute: 100_000 }, ...options })
  const chat = harness.auth.protect(harness.io.of('/chat'), { events: { echo: () => permit() } })
  chat.on('connection', (socket) => socket.on('echo', (value: unknown, ack: (value: unknown) => void) => ack(value)))
  return harness
}

/** Answers with the URL under which both are reached: the first that does not drain. */
export async function balanced(nodes: readonly Harness[]): Promise<string> {
  const open = new Set<TcpSocket>()
  const server = createServer((client) => {
    const ready = nodes.find(({ auth }) => auth.status().state === 'fresh') ?? (nodes[0] as Harness)
    const upstream = connectTcp(Number(new URL(ready.url).port), '127.0.0.1')
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanup(async () => {
    for (const socket of open) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
