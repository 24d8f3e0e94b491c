import { createAdapter } from '@socket.io/redis-adapter'
import { redis } from 'portcullis/revocations/redis'
import { createClient } from 'redis'
import { describe, expect, it } from 'vitest'
import { ownRedis } from '../faults/owned-redis.ts'
import { recommended } from '../faults/redis-clients.ts'
import { next, onCleanup, outcome, start } from '../harness.ts'

const alice = { issuer: 'https://issuer.example', subject: 'alice' }
const SECRET = 'a secret of thirty-two characters'

/** Two servers with the Redis adapter, and revocations in the same Redis. */
async function cluster() {
  const server = await ownRedis()
  const nodes = await Promise.all(
    ['a', 'b'].map(async () => {
      const [publisher, subscriber, client] = await Promise.all([
        adapterClient(server.port),
        adapterClient(server.port),
        recommended.nodeRedis(server.port),
      ])
      const node = await start(
        { revocations: redis({ client, secret: SECRET }), cluster: { maxStalenessMs: 1_000 } },
        { adapter: createAdapter(publisher, subscriber) },
      )
      node.auth.protect(node.io.of('/chat'), { events: {} })
      return { ...node, subscriber }
    }),
  )
  const [a, b] = nodes
  if (a === undefined || b === undefined) throw new Error('two nodes')
  return { server, a, b }
}

/** Closed in order, since the adapter takes back its subscriptions and awaits nothing. */
async function adapterClient(port: number) {
  const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: () => 50 } })
  client.on('error', () => undefined)
  await client.connect()
  onCleanup(async () => {
    if (client.isReady) await client.close()
    else if (client.isOpen) client.destroy()
  })
  return client
}

async function connected(node: Awaited<ReturnType<typeof start>>, token = 'alice-key') {
  const socket = node.client('/chat', { auth: { token } })
  expect(await outcome(socket)).toBe(null)
  return socket
}

describe('fact 4: disconnectSockets is sent and forgotten', () => {
  it('a node whose adapter hears nothing any more still hears of the revocation', async () => {
    const { a, b } = await cluster()
    const socket = await connected(b)
    await b.subscriber.close()
    a.io.of('/chat').disconnectSockets()
    const closed = next(socket, 'auth:closed')
    expect(await a.auth.revoke(alice)).toMatchObject({ complete: true, closed: 1 })
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_REVOKED' })
  })

  it('F9: with Redis down, sockets of this node are closed at once, the caller is told, and the others follow within 1 s of its return', async () => {
    const { server, a, b } = await cluster()
    const [here, there] = [await connected(a), await connected(b)]
    await server.kill()
    const [closedHere, closedThere] = [next(here, 'auth:closed'), next(there, 'auth:closed')]
    const revoked = a.auth.revoke(alice, { timeoutMs: 300 }).catch((error) => error)
    expect((await closedHere)[0]).toMatchObject({ code: 'AUTH_REVOKED' })
    expect(await revoked).toMatchObject({ code: 'AUTH_UNAVAILABLE' })
    expect(there.connected).toBe(true)
    const backAt = await server.restart()
    expect((await closedThere)[0]).toMatchObject({ code: 'AUTH_REVOKED' })
    expect(performance.now() - backAt).toBeLessThan(2_000)
  })
})

describe('fact 10: fetchSockets sends handshakes, and waits for the slowest node', () => {
  it('X15, Q08: sessions() and receipts neither use it nor put a credential on the wire', async () => {
    const { server, a, b } = await cluster()
    const commands: string[] = []
    const monitor = await recommended.nodeRedis(server.port)
    await monitor.monitor((command) => commands.push(String(command)))
    await connected(a)
    await connected(b)
    await connected(b, 'bob-key')
    // Its adapter is deaf: fetchSockets would reject after five seconds.
    await b.subscriber.close()
    const startedMs = performance.now()
    expect((await a.auth.sessions(alice)).sessions).toHaveLength(2)
    expect(performance.now() - startedMs).toBeLessThan(4_000)
    expect((await a.auth.sessions({ session: 'session-of-bob' })).sessions).toHaveLength(1)
    await a.auth.revoke({ session: 'session-of-bob' })
    await expect.poll(() => commands.length).toBeGreaterThan(10)
    expect(commands.join('\n')).not.toMatch(/alice-key|bob-key|session-of/)
    onCleanup(() => monitor.destroy())
  })
})
