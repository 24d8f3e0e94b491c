import { inspect } from 'node:util'
import type { Strategy } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { fakeTime, next, outcome, start } from '../harness.ts'
import { closing, turns } from '../server/revalidation-fixtures.ts'
import { type Answering, hookBackend, hooksOf } from './hooks-fixtures.ts'

/** A token is `token-of-` and the name of a user; a room or an event with "secret" in it is nobody's. */
const deciding: Answering = (item) => {
  if (item.type === 'connect' || item.type === 'refresh') {
    return { permit: true, subject: String(item.credential).replace('token-of-', ''), claims: { org: 'acme' } }
  }
  if (item.type === 'memberships') return { rooms: [`home:${item.identity.subject}`] }
  if (item.type === 'join') return { permit: !item.room.includes('secret') }
  return { permit: !String(item.event).includes('secret') }
}

async function guarded(answer: Answering = deciding, waitMs = 0) {
  const time = fakeTime()
  const site = await hookBackend(answer)
  const hooks = hooksOf(site, { clock: time.clock, batch: { waitMs } })
  const strategy = hooks.connect({ issuer: 'app', refreshSeconds: 60 })
  let looking = 0
  const watched: Strategy = {
    ...strategy,
    async revalidate(handles) {
      looking += 1
      try {
        return (await strategy.revalidate?.(handles)) ?? []
      } finally {
        looking -= 1
      }
    },
  }
  const server = await start({ clock: time.clock, strategies: [watched as never] })
  const chat = server.auth.protect(server.io.of('/chat'), {
    events: { say: hooks.event, 'say:secret': hooks.event },
    rooms: { 'organization:{id}': hooks.join },
    memberships: hooks.memberships,
  })
  chat.on('connection', (socket) => {
    socket.on('say', (_text: string, ack: (answer: string) => void) => ack('said'))
    socket.on('disconnect', (reason) =>
      hooks.disconnect({ identity: socket.data.identity, namespace: '/chat', socketId: socket.id, reason }),
    )
  })

  /** Lets seconds pass, by fours, each with time for what it began: a server waits five for its strategies. */
  async function pass(seconds: number): Promise<void> {
    for (let passed = 0; passed < seconds; passed += 4) {
      time.advance(4_000)
      await turns(2)
      while (looking > 0) await turns(1)
    }
  }

  const come = (name: string) => server.client('/chat', { auth: { token: `token-of-${name}` } })
  return { ...server, site, hooks, chat, pass, come }
}

describe('a real server with hooks', () => {
  it('connects, joins and hears whom the back end permits, tells it who has gone, and shows no token', async () => {
    const { come, site, chat, audit, errors, pass } = await guarded()
    const alice = come('alice')
    expect(await outcome(alice)).toBeNull()
    const [socket] = chat.sockets.values()
    expect([...(socket?.rooms ?? [])]).toContain('home:alice')
    expect(await alice.emitWithAck('auth:join', 'organization:7')).not.toHaveProperty('error')
    expect(await alice.emitWithAck('auth:join', 'organization:secret')).toMatchObject({
      error: { code: 'AUTH_FORBIDDEN' },
    })
    expect(await alice.emitWithAck('say', 'hello')).toBe('said')
    expect(await alice.emitWithAck('say:secret')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    expect(site.items().find(({ type }) => type === 'event')).toMatchObject({
      identity: { scheme: 'hook', issuer: 'app', subject: 'alice', claims: { org: 'acme' } },
      namespace: '/chat',
      event: 'say',
      args: ['hello'],
    })
    alice.disconnect()
    await expect
      .poll(() => site.items().at(-1))
      .toMatchObject({
        type: 'disconnect',
        identity: { subject: 'alice' },
        socketId: socket?.id,
        reason: 'client namespace disconnect',
      })
    await pass(64)
    expect(errors).toEqual([])
    expect(site.bodies.join()).toContain('token-of-alice')
    expect(inspect(audit, { depth: 9 })).not.toContain('token-of-')
  })

  it('50 clients that join at once are one request', async () => {
    const { come, site } = await guarded(deciding, 1_000)
    const clients = Array.from({ length: 50 }, (_, i) => come(`user-${i}`))
    await Promise.all(clients.map(outcome))
    site.requests.length = 0
    await Promise.all(clients.map((client, i) => client.emitWithAck('auth:join', `organization:${i}`)))
    expect(site.requests.map(({ length }) => length)).toEqual([50])
  })

  it('in an outage of five minutes keeps every socket and every room, permits nothing new, and goes on afterwards', async () => {
    let dismissed = ''
    const { come, site, chat, pass, errors, audit } = await guarded((item) =>
      item.type === 'refresh' && item.credential === dismissed ? { permit: false } : deciding(item),
    )
    const clients = Array.from({ length: 10 }, (_, i) => come(`user-${i}`))
    expect(await Promise.all(clients.map(outcome))).toEqual(Array(10).fill(null))
    for (const client of clients)
      expect(await client.emitWithAck('auth:join', 'organization:7')).not.toHaveProperty('error')
    const ends = clients.map(closing)
    await pass(64)

    site.isDown = true
    dismissed = 'token-of-user-3'
    await pass(300)
    expect(clients.filter(({ connected }) => connected)).toHaveLength(10)
    expect(ends.map(({ code }) => code)).toEqual(Array(10).fill(null))
    const heard = clients.map((client) => next(client, 'news'))
    chat.to('organization:7').emit('news', 'still here')
    expect(await Promise.all(heard)).toEqual(Array(10).fill(['still here']))
    const [first] = clients
    expect(await outcome(come('newcomer'))).toMatchObject({ code: 'AUTH_UNAVAILABLE', retry: 'backoff' })
    expect(await first?.emitWithAck('auth:join', 'organization:8')).toMatchObject({
      error: { code: 'AUTH_UNAVAILABLE' },
    })
    expect(await first?.emitWithAck('say', 'hello')).toMatchObject({ error: { code: 'AUTH_UNAVAILABLE' } })
    expect(errors.length).toBeGreaterThan(0)
    expect(inspect([errors, audit], { depth: 9, showHidden: true })).not.toContain('token-of-')

    site.isDown = false
    await pass(64)
    // What was decided meanwhile is in force: one is gone, nine are not.
    expect(await ends[3]?.closed).toBe('AUTH_REVOKED')
    expect(clients.filter(({ connected }) => connected)).toHaveLength(9)
    expect(await outcome(come('newcomer'))).toBeNull()
    expect(await first?.emitWithAck('auth:join', 'organization:8')).not.toHaveProperty('error')
    expect(await first?.emitWithAck('say', 'hello')).toBe('said')
  })
})
