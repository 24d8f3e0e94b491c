import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { io as connectClient } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { ownRedis } from '../../faults/owned-redis.ts'
import { onCleanup } from '../../harness.ts'
import { ownNode } from './own-node.ts'
import { application, cookieOf, everything, heard, inRoom, run, settled, subscribed, until } from './site.ts'

const redisUrl = () => process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'

async function nodeRedis(url = redisUrl()) {
  const client = createClient({ url })
  client.on('error', () => {})
  await client.connect()
  onCleanup(() => client.destroy())
  return client
}

async function ioRedis(url = redisUrl()) {
  const client = new Redis(url, { lazyConnect: true })
  client.on('error', () => {})
  await client.connect()
  onCleanup(() => client.disconnect())
  return client
}

const LIBRARIES = [
  ['node-redis', nodeRedis],
  ['ioredis', ioRedis],
] as const

const prefixOf = () => `laravel_${randomUUID()}_database_`

describe.each(LIBRARIES)('with %s', (_name, connect) => {
  it('what Laravel publishes arrives as (channel, data), on every node, and not at the socket that caused it', async () => {
    const app = await application()
    const keyPrefix = prefixOf()
    const publisher = await connect()
    const nodes = [
      await run(app, { redis: await connect(), keyPrefix }),
      await run(app, { redis: await connect(), keyPrefix }),
    ] as const
    const [page, cause, far] = [await nodes[0].page(), await nodes[0].page(), await nodes[1].page()]
    for (const each of [page, cause]) await subscribed(nodes[0], each, 'private-orders.1')
    await subscribed(nodes[1], far, 'private-orders.1')
    const log = everything(cause)
    const arrived = Promise.all([page, far].map((each) => heard(each, 'App\\Events\\Paid')))
    const message = { event: 'App\\Events\\Paid', data: { id: 3 }, socket: cause.id }
    await publisher.publish(`${keyPrefix}private-orders.1`, JSON.stringify(message))
    expect(await arrived).toEqual([
      ['private-orders.1', { id: 3 }],
      ['private-orders.1', { id: 3 }],
    ])
    await settled(nodes[0], cause)
    expect(log.filter(([event]) => event === 'App\\Events\\Paid')).toEqual([])
  })

  it('what is no event is reported and harms nothing', async () => {
    const app = await application()
    const keyPrefix = prefixOf()
    const publisher = await connect()
    const running = await run(app, { redis: await connect(), keyPrefix })
    const page = await running.page()
    await subscribed(running, page, 'news')
    const log = everything(page)
    const bad = [
      '{',
      '',
      'null',
      '7',
      '[]',
      '{}',
      '{"event":7}',
      '{"event":""}',
      '{"event":"disconnect","data":1}',
      '{"event":"connect","data":1}',
      '{"event":["x"],"data":1}',
      '{"__proto__":{"event":"x"},"data":1}',
    ]
    for (const message of bad) await publisher.publish(`${keyPrefix}news`, message)
    await publisher.publish(`${keyPrefix}a\nb`, '{"event":"x","data":1}')
    const last = heard(page, 'Last')
    await publisher.publish(`${keyPrefix}news`, '{"event":"Last","data":null,"socket":{"no":"id"}}')
    await last
    expect(log).toEqual([['Last', 'news', null]])
    expect(running.errors.map(({ where }) => where)).toEqual(Array(bad.length + 1).fill('message'))
  })

  it('what is published outside of the prefix reaches nobody', async () => {
    const app = await application()
    const keyPrefix = `${prefixOf()}[a]*`
    const publisher = await connect()
    const running = await run(app, { redis: await connect(), keyPrefix })
    const page = await running.page()
    await subscribed(running, page, 'news')
    const log = everything(page)
    for (const channel of ['news', `x${keyPrefix}news`, keyPrefix.replace('[a]*', 'abnews'), keyPrefix]) {
      await publisher.publish(channel, '{"event":"Stray","data":1}')
    }
    const last = heard(page, 'Last')
    await publisher.publish(`${keyPrefix}news`, '{"event":"Last","data":1}')
    await last
    expect(log).toEqual([['Last', 'news', 1]])
  })

  it('whispers, events over HTTP and members are those of all nodes', async () => {
    const app = await application()
    const keyPrefix = prefixOf()
    const clients = [{ appId: 'a', key: 'k'.repeat(16) }]
    const nodes = [
      await run(app, { redis: await connect(), keyPrefix, clients }),
      await run(app, { redis: await connect(), keyPrefix, clients }),
    ] as const
    const [near, far] = [await nodes[0].page(cookieOf(1)), await nodes[1].page(cookieOf(2))]
    near.emit('subscribe', { channel: 'presence-room' })
    await heard(near, 'presence:subscribed')
    const joining = heard(near, 'presence:joining')
    far.emit('subscribe', { channel: 'presence-room' })
    const [, members] = await heard(far, 'presence:subscribed')
    expect(members).toEqual([
      { user_id: 2, user_info: { name: 'user 2' } },
      { user_id: 1, user_info: { name: 'user 1' } },
    ])
    expect(await joining).toEqual(['presence-room', { user_id: 2, user_info: { name: 'user 2' } }])
    const whisper = heard(near, 'client-hello')
    far.emit('client event', { channel: 'presence-room', event: 'client-hello', data: { a: 1 } })
    expect(await whisper).toEqual(['presence-room', { a: 1 }])
    const posted = heard(far, 'Posted')
    const Authorization = `Bearer ${'k'.repeat(16)}`
    await fetch(`${nodes[0].url}/apps/a/events`, {
      method: 'POST',
      headers: { Authorization },
      body: JSON.stringify({ channel: 'presence-room', name: 'Posted', data: { b: 2 } }),
    })
    expect(await posted).toEqual(['presence-room', { b: 2 }])
    const users = await fetch(`${nodes[0].url}/apps/a/channels/presence-room/users`, { headers: { Authorization } })
    expect(await users.json()).toEqual({
      users: [
        { id: 2, user_info: { name: 'user 2' } },
        { id: 1, user_info: { name: 'user 1' } },
      ],
    })
    const leaving = heard(near, 'presence:leaving')
    far.disconnect()
    expect(await leaving).toEqual(['presence-room', { user_id: 2, user_info: { name: 'user 2' } }])
  })

  it('a user is there once, however many sockets on however many nodes it has', async () => {
    const app = await application()
    const keyPrefix = prefixOf()
    const nodes = [
      await run(app, { redis: await connect(), keyPrefix }),
      await run(app, { redis: await connect(), keyPrefix }),
    ] as const
    const watcher = await nodes[0].page(cookieOf(9))
    watcher.emit('subscribe', { channel: 'presence-room' })
    await heard(watcher, 'presence:subscribed')
    const log = everything(watcher)
    const sockets = [
      await nodes[0].page(cookieOf(1)),
      await nodes[1].page(cookieOf(1)),
      await nodes[1].page(cookieOf(1)),
    ]
    for (const socket of sockets) {
      socket.emit('subscribe', { channel: 'presence-room' })
      const [, members] = await heard(socket, 'presence:subscribed')
      expect(members).toHaveLength(2)
    }
    for (const socket of sockets) socket.disconnect()
    await until(() => log.some(([event]) => event === 'presence:leaving'))
    await settled(nodes[0], watcher)
    expect(log.map(([event]) => event).filter((event) => String(event).startsWith('presence:'))).toEqual([
      'presence:joining',
      'presence:leaving',
    ])
  })

  it('a node that stops takes its members with it', async () => {
    const app = await application()
    const keyPrefix = prefixOf()
    const redis = await connect()
    const [one, two] = [await run(app, { redis: await connect(), keyPrefix }), await run(app, { redis, keyPrefix })]
    const [watcher, member] = [await one.page(cookieOf(1)), await two.page(cookieOf(2))]
    for (const each of [watcher, member]) {
      each.emit('subscribe', { channel: 'presence-room' })
      await heard(each, 'presence:subscribed')
    }
    const leaving = heard(watcher, 'presence:leaving')
    await two.echo.stop()
    expect(await leaving).toEqual(['presence-room', { user_id: 2, user_info: { name: 'user 2' } }])
  })
})

describe('a node that is killed', () => {
  /** Somebody here who watches the room, and somebody who joins it on a node of its own. */
  async function twoNodes() {
    const app = await application()
    const keyPrefix = prefixOf()
    const running = await run(app, { redis: await nodeRedis(), keyPrefix, heartbeatMs: 100 })
    const watcher = await running.page(cookieOf(1))
    watcher.emit('subscribe', { channel: 'presence-room' })
    await heard(watcher, 'presence:subscribed')
    const node = await ownNode(app.url, keyPrefix, redisUrl())
    const member = connectClient(node.url, { ...cookieOf(2), transports: ['websocket'], reconnection: false })
    onCleanup(() => {
      member.disconnect()
    })
    const joining = heard(watcher, 'presence:joining')
    member.emit('subscribe', { channel: 'presence-room' })
    expect(await joining).toEqual(['presence-room', { user_id: 2, user_info: { name: 'user 2' } }])
    return { keyPrefix, running, watcher, node }
  }

  it('leaves no ghosts: the others say that its members have left', { timeout: 60_000 }, async () => {
    const { keyPrefix, running, watcher, node } = await twoNodes()
    const leaving = heard(watcher, 'presence:leaving')
    node.process.kill('SIGKILL')
    await once(node.process, 'exit')
    expect(await leaving).toEqual(['presence-room', { user_id: 2, user_info: { name: 'user 2' } }])
    const other = await running.page(cookieOf(3))
    other.emit('subscribe', { channel: 'presence-room' })
    const [, members] = await heard(other, 'presence:subscribed')
    expect(members).toHaveLength(2)
    const redis = await ioRedis()
    await until(async () => (await redis.zcard(`portcullis-laravel-echo:/:${keyPrefix}:nodes`)) === 1, 'its burial')
  })

  it('and was only stopped for a while says its members anew', { timeout: 60_000 }, async () => {
    const { watcher, node } = await twoNodes()
    const leaving = heard(watcher, 'presence:leaving')
    node.process.kill('SIGSTOP')
    await leaving
    const again = heard(watcher, 'presence:joining')
    node.process.kill('SIGCONT')
    expect(await again).toEqual(['presence-room', { user_id: 2, user_info: { name: 'user 2' } }])
  })
})

describe('a Redis that goes away', () => {
  it.each(LIBRARIES)(
    'and comes back is heard again by %s, and nothing of it ends the process',
    { timeout: 60_000 },
    async (_name, connect) => {
      const app = await application()
      const server = await ownRedis()
      const url = `redis://127.0.0.1:${server.port}`
      const keyPrefix = prefixOf()
      const running = await run(app, { redis: await connect(url), keyPrefix, heartbeatMs: 100 })
      const page = await running.page()
      await subscribed(running, page, 'news')
      page.emit('subscribe', { channel: 'presence-room' })
      await heard(page, 'presence:subscribed')
      await server.kill()
      await until(() => running.errors.length > 0)
      await server.restart()
      const publisher = await connect(url)
      let arrived = false
      page.on('Back', () => {
        arrived = true
      })
      await until(async () => {
        await publisher.publish(`${keyPrefix}news`, '{"event":"Back","data":1}')
        return arrived
      }, 'events to come again')
      await until(async () => {
        const other = await running.page(cookieOf(2))
        const answer = Promise.race([heard(other, 'presence:subscribed'), heard(other, 'subscription_error')])
        other.emit('subscribe', { channel: 'presence-room' })
        const [, members] = await answer
        other.disconnect()
        return Array.isArray(members) && members.some(({ user_id }) => user_id === 1)
      }, 'members to be there')
    },
  )

  it.each(LIBRARIES)(
    'and says nothing is no member list: 503 within the time-out, for %s',
    {
      timeout: 60_000,
    },
    async (_name, connect) => {
      const server = await ownRedis()
      const redis = await connect(`redis://127.0.0.1:${server.port}`)
      const running = await run(await application(), { redis, keyPrefix: prefixOf() })
      const page = await running.page()
      server.freeze()
      page.emit('subscribe', { channel: 'presence-room' })
      expect(await heard(page, 'subscription_error')).toEqual(['presence-room', 503])
      expect(inRoom(running, 'presence-room')).toBe(0)
      await subscribed(running, page, 'private-orders.1')
      server.thaw()
      const here = heard(page, 'presence:subscribed')
      page.emit('subscribe', { channel: 'presence-room' })
      expect(await here).toEqual(['presence-room', [{ user_id: 1, user_info: { name: 'user 1' } }]])
    },
  )

  it('is said by ready, where it was never there', async () => {
    const app = await application()
    const server = await ownRedis()
    const redis = await ioRedis(`redis://127.0.0.1:${server.port}`)
    await server.kill()
    await expect(run(app, { redis, keyPrefix: 'x_' })).rejects.toThrow()
  })
})

describe('databaseConfig', () => {
  it('redis is how to connect, as it was, and publishPresence tells the application', async () => {
    const app = await application()
    const keyPrefix = prefixOf()
    const { hostname: host, port } = new URL(redisUrl())
    const running = await run(app, {
      database: 'redis',
      databaseConfig: { redis: { host, port: port || '6379', keyPrefix }, publishPresence: true },
      subscribers: { http: true, redis: true },
    })
    const listener = await ioRedis()
    await listener.subscribe('PresenceChannelUpdated')
    const told: unknown[] = []
    listener.on('message', (_channel, message) => told.push(JSON.parse(message)))
    const page = await running.page()
    const channel = `presence-${keyPrefix}`
    page.emit('subscribe', { channel })
    await until(() => told.length > 0)
    expect(told[0]).toEqual({
      event: { channel: `${channel}:members`, members: [{ user_id: 1, user_info: { name: 'user 1' } }] },
    })
    await subscribed(running, page, 'news')
    const arrived = heard(page, 'X')
    await (await ioRedis()).publish(`${keyPrefix}news`, '{"event":"X","data":{"a":1},"socket":null}')
    expect(await arrived).toEqual(['news', { a: 1 }])
    expect(inRoom(running, channel)).toBe(1)
  })
})
