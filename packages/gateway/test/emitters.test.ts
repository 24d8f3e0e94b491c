/** Redis emitters in every wire form, from JavaScript and from PHP, to sockets on two nodes. */

import { createHmac, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { encode } from '@msgpack/msgpack'
import { Emitter } from '@socket.io/redis-emitter'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { createAuth } from 'portcullis'
import { fakeClock } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'
import { signEmission } from '../src/emitters/index.ts'
import { createUnsealing } from '../src/emitters/signature.ts'
import { cuttableProxy } from './cuttable-proxy.ts'
import {
  afterwards,
  type Listener,
  php,
  REDIS_URL,
  randomKey,
  redisClient,
  startNode,
  until,
} from './emitters-nodes.ts'
import { tokens } from './emitters-tokens.ts'

const NEWS = { title: 'Dörte’s news', tags: ['a', 'b'], count: 3 }

/** Two nodes, each with a client in the room `organization.7` of `/news`, and one elsewhere. */
async function twoNodes(
  options: { key?: string; secret?: Buffer; commands?: readonly ('emit' | 'disconnect' | 'join' | 'leave')[] } = {},
) {
  const key = options.key ?? randomKey()
  const nodes = await Promise.all([startNode({ key, ...options }), startNode({ key, ...options })])
  const inside = await Promise.all(nodes.map((node) => node.client('/news', 'organization.7')))
  const outside = await Promise.all(nodes.map((node) => node.client('/news', 'organization.8')))
  return { key, nodes, inside, outside, all: [...inside, ...outside] }
}

/** Messages of one publisher arrive in order: what came before the mark has been dealt with. */
async function marked(emitter: Emitter, listeners: readonly Listener[]): Promise<void> {
  emitter.of('/news').emit('mark')
  await until(() => listeners.every(({ heard }) => heard.some(([name]) => name === 'mark')))
}

function newsOf(listeners: readonly Listener[]): unknown[][][] {
  return listeners.map(({ heard }) => heard.filter(([name]) => name !== 'mark'))
}

describe('the forms that emitters write', () => {
  test('the PHP emitter’s own form reaches a room on both nodes, each socket once', async () => {
    const { key, nodes, inside, all } = await twoNodes()
    await php('emitter-legacy.php', [key, '/news', 'organization.7'], NEWS)
    await until(() => inside.every(({ heard }) => heard.length > 0))
    await marked(new Emitter(await redisClient(), { key }), all)
    expect(newsOf(all)).toEqual([[['news', NEWS]], [['news', NEWS]], [], []])
    expect(nodes.map(({ bridge, errors }) => [bridge.stats, errors])).toEqual([
      [{ received: 2, refused: {} }, []],
      [{ received: 2, refused: {} }, []],
    ])
  })

  test('today’s form from PHP reaches a room, a namespace, and disconnects', async () => {
    const { key, inside, outside, all } = await twoNodes()
    await php('emitter-today.php', [key, '/news', 'organization.7'], NEWS)
    await php('emitter-today.php', [key, '/news', '*'], [])
    await until(() => outside.every(({ heard }) => heard.length > 0))
    expect(newsOf(all)).toEqual([
      [
        ['news', NEWS],
        ['news', []],
      ],
      [
        ['news', NEWS],
        ['news', []],
      ],
      [['news', []]],
      [['news', []]],
    ])
    await php('emitter-today.php', [key, '/news', 'kick:organization.7'], null)
    await until(() => inside.every(({ socket }) => socket.disconnected))
    expect(outside.map(({ socket }) => socket.connected)).toEqual([true, true])
  })

  test('@socket.io/redis-emitter: several rooms, except, volatile, compress, binary, undefined and dates', async () => {
    const { key, nodes, inside, outside, all } = await twoNodes()
    const news = new Emitter(await redisClient(), { key }).of('/news')
    const bytes = Buffer.from([0, 0xff, 0xd8, 1])
    news
      .to(['organization.7', 'organization.8'])
      .volatile.compress(false)
      .emit('bytes', { inner: [bytes] }, undefined)
    news.except('organization.8').emit('date', new Date(1_700_000_000_000))
    news.to('organization.8').emit('last', 1.5, null, true, -7, 2 ** 40)
    await until(
      () => outside.every(({ heard }) => heard.length === 2) && inside.every(({ heard }) => heard.length === 2),
    )
    const last = ['last', 1.5, null, true, -7, 2 ** 40]
    expect(outside.map(({ heard }) => heard)).toEqual([
      [['bytes', { inner: [bytes] }, null], last],
      [['bytes', { inner: [bytes] }, null], last],
    ])
    expect(newsOf(inside).map(([, date]) => date)).toEqual(Array(2).fill(['date', '2023-11-14T22:13:20.000Z']))
    expect(nodes.flatMap(({ errors }) => errors)).toEqual([])
    expect(newsOf(all).map((events) => events.length)).toEqual([2, 2, 2, 2])
  })

  test('each socket hears an emission once where the nodes have the streams adapter between them', async () => {
    const key = randomKey()
    const adapter = { streamName: `${key}-stream`, channelPrefix: `${key}-adapter`, blockTimeInMs: 50 }
    const redis = await redisClient()
    afterwards(() => redis.del(adapter.streamName))
    const start = async () => startNode({ key }, createAdapter(await redisClient(), adapter))
    const nodes = await Promise.all([start(), start()])
    const listeners = await Promise.all(nodes.map((node) => node.client('/news', 'organization.7')))
    const emitter = new Emitter(await redisClient(), { key })
    emitter.of('/news').to('organization.7').emit('news', NEWS)
    await marked(emitter, listeners)
    // What the adapter would carry to the other node comes after that.
    nodes[0]?.io.of('/news').emit('carried')
    await until(() => listeners.every(({ heard }) => heard.some(([name]) => name === 'carried')))
    expect(newsOf(listeners)).toEqual(Array(2).fill([['news', NEWS], ['carried']]))
    expect(nodes.map(({ bridge }) => bridge.stats.received)).toEqual([2, 2])
  })
})

describe('what is refused', () => {
  /** What the node refuses of these messages, in the order in which they are published, without anybody hearing them. */
  async function refusalsOf(messages: readonly (readonly [channel: string, message: string | Buffer])[]) {
    const { key, nodes, all } = await twoNodes()
    const publisher = await redisClient()
    for (const [channel, message] of messages) await publisher.publish(key + channel, message)
    await marked(new Emitter(publisher, { key }), all)
    const [node] = nodes
    expect(newsOf(all).flat()).toEqual([])
    expect(all.every(({ socket }) => socket.connected)).toBe(true)
    return { refused: node?.bridge.stats.refused, errors: node?.errors ?? [], received: node?.bridge.stats.received }
  }
  const packed = (...values: readonly unknown[]) => Buffer.from(encode(values, { maxDepth: 1000 }))
  const packet = (event: unknown, ...args: unknown[]) => ({ type: 2, data: [event, ...args], nsp: '/news' })

  test('what is malformed, too deep, too large or lies about its size, told once and not thrown', async () => {
    let deep: unknown = 'bottom'
    for (let i = 0; i < 500; i += 1) deep = [deep]
    const { refused, errors, received } = await refusalsOf([
      ['#/news#', 'not msgpack'],
      ['#/news#', Buffer.alloc(0)],
      ['#/news#', Buffer.from('c1', 'hex')],
      // An array of four milliards, and a hundred thousand of them within one another.
      ['#/news#', Buffer.from('ddffffffff', 'hex')],
      ['#emitter', Buffer.from('dd00010000'.repeat(100_000), 'hex')],
      ['#/news#', packed('emitter', packet('news', deep), { rooms: [] })],
      ['#/news#', packed('emitter', packet('news', 'x'.repeat(1024 * 1024)), { rooms: [] })],
      ['#/news#', packed('emitter', packet('news'), { rooms: 'organization.7' })],
      ['#/news#', packed('emitter', packet('news'), { rooms: [{}] })],
      ['#/news#', packed('emitter', packet(7), { rooms: [] })],
      ['#/news#', packed('emitter', { type: 3, data: ['news'], nsp: '/news' }, { rooms: [] })],
      ['#/news#', packed('emitter', packet('news'))],
      ['#/news#', packed(packet('news'), { rooms: [] })],
      ['#emitter', packed('emitter', packet('news'), { rooms: [] })],
      ['#/news#', packed('emitter', { type: 2, data: ['news'], nsp: '/' }, { rooms: [] })],
      ['#/news#organization.7#', packed('emitter', packet('news'), { rooms: ['organization.8'] })],
      // A string that is no UTF-8, which a decoder would quietly change.
      ['#/news#', Buffer.concat([Buffer.from('93a1ff', 'hex'), packed(packet('news'), {}).subarray(1)])],
      ['-request#/news#', 'not JSON'],
      ['-request#/news#', '{"type":4,"opts":{},"close":true}'],
      ['-request#/news#', '{"type":4}'],
      ['-request#/news#', 'null'],
      ['-request#/news', '{"type":4,"opts":{"rooms":[],"except":[]}}'],
    ])
    expect(refused).toEqual({ malformed: 21, too_large: 1 })
    expect(received).toBe(23)
    expect(errors.length).toBeLessThanOrEqual(2)
    expect(errors[0]?.message).toBe("an emitter's message was refused: malformed")
  })

  test('reserved events, foreign namespaces, and requests that are not allowed', async () => {
    const reserved = ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener']
    const { refused } = await refusalsOf([
      ...[...reserved, 'auth:closed', 'auth:denied'].map(
        (event) => ['#/news#', packed('emitter', packet(event), { rooms: [] })] as const,
      ),
      ['#/open#', packed('emitter', { type: 2, data: ['news'], nsp: '/open' }, { rooms: [] })],
      ['-request#/open#', '{"type":4,"opts":{"rooms":[]}}'],
      // Join and leave have to be allowed; what servers say to servers never is.
      ['-request#/news#', '{"type":2,"opts":{"rooms":[]},"rooms":["organization.7"]}'],
      ['-request#/news#', '{"type":3,"opts":{"rooms":[]},"rooms":["organization.7"]}'],
      ['-request#/news#', '{"uid":"emitter","type":6,"data":["boo"]}'],
      ['-request#/news#', '{"type":5,"opts":{"rooms":[]}}'],
    ])
    expect(refused).toEqual({ reserved: 8, namespace: 2, unsupported: 4 })
  })

  test('a namespace that is protected and not there is not made', async () => {
    const key = randomKey()
    const node = await startNode({ key })
    const listener = await node.client('/news', 'a')
    const emitter = new Emitter(await redisClient(), { key })
    emitter.of('/later').emit('news')
    await marked(emitter, [listener])
    expect(node.io._nsps.has('/later')).toBe(false)
    expect(node.bridge.stats.refused).toEqual({})
  })

  test('joining is allowed by name, but never a room of Portcullis’s own', async () => {
    const { key, nodes, inside, all } = await twoNodes({ commands: ['emit', 'join', 'leave'] })
    const emitter = new Emitter(await redisClient(), { key })
    const news = emitter.of('/news')
    news.in('organization.7').socketsJoin(['vip', 'vip2'])
    news.in('organization.7').socketsLeave('vip2')
    news.in('organization.7').socketsJoin('auth|victim')
    news.in('organization.7').disconnectSockets()
    news.to('vip').emit('news', 1)
    news.to('vip2').emit('news', 2)
    await marked(emitter, all)
    expect(newsOf(inside)).toEqual([[['news', 1]], [['news', 1]]])
    expect(nodes[0]?.bridge.stats.refused).toEqual({ reserved: 1, unsupported: 1 })
  })

  test('an option that is wrong is named, and nothing is subscribed after close', async () => {
    const key = randomKey()
    await expect(startNode({ key, secret: Buffer.from('short') })).rejects.toThrow(
      new TypeError('"secret" must be a Buffer of at least 32 bytes'),
    )
    await expect(startNode({ key: '' })).rejects.toThrow('"key"')
    await expect(startNode({ key, commands: ['reboot'] as unknown as [] })).rejects.toThrow('"commands"')
    const node = await startNode({ key })
    const publisher = await redisClient()
    expect(await publisher.publish(`${key}#/news#`, '')).toBe(1)
    await node.bridge.close()
    const heard = await Promise.all(
      ['#/news#', '-request#/news#', '#emitter'].map((channel) => publisher.publish(key + channel, '')),
    )
    expect(heard).toEqual([0, 0, 0])
  })
})

describe('with a secret', () => {
  const secret = randomBytes(32)

  async function signed() {
    const world = await twoNodes({ secret })
    const client = await redisClient()
    const signing = {
      publish: (channel: string, payload: string | Buffer) =>
        client.publish(channel, signEmission(secret, channel, payload)),
    }
    return { ...world, client, emitter: new Emitter(signing, { key: `${world.key}.signed` }) }
  }

  test('signed emissions from PHP and JavaScript arrive, signed requests too', async () => {
    const { key, client, emitter, inside, outside, all } = await signed()
    await php('emitter-signed.php', [key, '/news', 'organization.7'], NEWS, { EMITTER_SECRET: secret.toString('hex') })
    await until(() => inside.every(({ heard }) => heard.length > 0))
    emitter.of('/news').to('organization.7').emit('news', 2)
    await marked(emitter, all)
    expect(newsOf(all)).toEqual([
      [
        ['news', NEWS],
        ['news', 2],
      ],
      [
        ['news', NEWS],
        ['news', 2],
      ],
      [],
      [],
    ])
    // The old form, whose namespaces had no slash.
    const old = Buffer.from(
      encode([
        { type: 5, data: ['old'], nsp: 'news' },
        { rooms: ['organization.8'], flags: [] },
      ]),
    )
    await client.publish(`${key}.signed#emitter`, signEmission(secret, `${key}.signed#emitter`, old))
    await until(() => outside.every(({ heard }) => heard.some(([name]) => name === 'old')))
    emitter.of('/news').in('organization.7').disconnectSockets(true)
    await until(() => inside.every(({ socket }) => socket.disconnected))
  })

  test('unsigned channels are not heard; forged, moved, old and repeated messages are refused', async () => {
    const { key, client, emitter, nodes, all } = await signed()
    const unsigned = new Emitter(client, { key }).of('/news')
    unsigned.emit('news')
    unsigned.disconnectSockets()
    const payload = Buffer.from(encode(['x', { type: 2, data: ['news'], nsp: '/news' }, { rooms: ['nobody'] }]))
    const channel = `${key}.signed#/news#`
    const good = signEmission(secret, channel, payload)
    await client.publish(channel, payload)
    await client.publish(channel, 'short')
    await client.publish(channel, signEmission(randomBytes(32), channel, payload))
    await client.publish(`${key}.signed#/#`, good)
    await client.publish(channel, signEmission(secret, channel, payload, Date.now() - 61_000))
    await client.publish(channel, signEmission(secret, channel, payload, Date.now() + 61_000))
    await client.publish(channel, good)
    await client.publish(channel, good)
    await marked(emitter, all)
    expect(newsOf(all).flat()).toEqual([])
    expect(nodes.map(({ bridge }) => bridge.stats)).toEqual(
      Array(2).fill({ received: 9, refused: { signature: 4, stale: 2, replayed: 1 } }),
    )
    expect(all.every(({ socket }) => socket.connected)).toBe(true)
    expect(JSON.stringify(nodes.flatMap(({ errors }) => errors.map(String)))).not.toContain('nobody')
  })
})

test('what was heard is remembered for as long as it could be repeated, and no more is taken than that', () => {
  const secret = randomBytes(32)
  let now = 1_700_000_000_000
  const unseal = createUnsealing(secret, () => now, 3)
  const ahead = signEmission(secret, 'c', 'ahead', now + 60_000)
  const [first, second, third] = ['1', '2', '3'].map((text) => signEmission(secret, 'c', text, now)) as Buffer[]
  expect(unseal('c', ahead).toString()).toBe('ahead')
  expect(unseal('c', first as Buffer).toString()).toBe('1')
  unseal('c', second as Buffer)
  expect(() => unseal('c', third as Buffer)).toThrow('overloaded')
  now += 60_000
  expect(() => unseal('c', first as Buffer)).toThrow('replayed')
  now += 60_000
  expect(() => unseal('c', first as Buffer)).toThrow('stale')
  expect(() => unseal('c', ahead)).toThrow('replayed')
  now += 1
  expect(() => unseal('c', ahead)).toThrow('stale')
  expect(unseal('c', signEmission(secret, 'c', '4', now)).toString()).toBe('4')
})

test('a bridge that fails to deliver counts it, and goes on', async () => {
  const key = randomKey()
  const node = await startNode({ key })
  const listener = await node.client('/news', 'a')
  for (const socket of node.io.of('/news').sockets.values()) {
    socket.onAnyOutgoing((event: string) => {
      if (event === 'bad') throw new Error('the application’s own')
    })
  }
  const emitter = new Emitter(await redisClient(), { key })
  emitter.of('/news').emit('bad')
  await marked(emitter, [listener])
  expect(node.bridge.stats.refused).toEqual({ failed: 1 })
  expect(node.errors[0]?.cause).toEqual(new Error('the application’s own'))
})

test('a socket whose lease has ended hears nothing until it is refreshed', async () => {
  const key = randomKey()
  const node = await startNode({ key })
  const clock = fakeClock()
  const lease = { graceMs: 60_000 }
  const auth = createAuth({ origins: ['https://app.example'], strategies: [tokens(clock)], clock, lease })
  auth.protect(node.io.of('/guarded'), { events: {}, memberships: async () => ['organization.7'] })
  const { socket, heard } = await node.client('/guarded', 'organization.7')
  const emitter = new Emitter(await redisClient(), { key }).of('/guarded').to('organization.7')
  const passed = async (count: number) => until(() => node.bridge.stats.received === count)
  emitter.emit('news', 1)
  await passed(1)
  await clock.advance(61_000)
  emitter.emit('news', 2)
  await passed(2)
  await socket.emitWithAck('auth:refresh', { token: 'alice' })
  emitter.emit('news', 3)
  await until(() => heard.some(([, number]) => number === 3))
  expect(heard.filter(([name]) => name === 'news')).toEqual([
    ['news', 1],
    ['news', 3],
  ])
  await auth.close()
})

test('a node hears emitters again once its connection to Redis is back', async () => {
  const key = randomKey()
  const { hostname, port } = new URL(REDIS_URL)
  const proxy = await cuttableProxy({ host: hostname, port: Number(port || 6379) })
  const subscriber = await redisClient(`redis://127.0.0.1:${proxy.port}`)
  const node = await startNode({ key, subscriber })
  const listener = await node.client('/news', 'a')
  const publisher = await redisClient()
  proxy.cut()
  await until(() => !subscriber.isReady)
  new Emitter(publisher, { key }).of('/news').emit('lost')
  proxy.mend()
  await until(async () => (await publisher.publish(`${key}#emitter`, '')) > 0)
  await until(async () => (await publisher.publish(`${key}#/news#`, '')) > 0)
  await marked(new Emitter(publisher, { key }), [listener])
  expect(newsOf([listener])).toEqual([[]])
})

test('the functions in the documentation are those that are tested here', async () => {
  const [page, script] = await Promise.all(
    ['../../../docs/emitters.md', './php/emitter-signed.php'].map((path) =>
      readFile(new URL(path, import.meta.url), 'utf8'),
    ),
  )
  const [php = ''] = /^function sign_emission[\s\S]*?^}$/m.exec(script ?? '') ?? []
  expect(php).toContain('hash_hmac')
  expect(page).toContain(php)
  const [js = ''] = /^function sign\([\s\S]*?^}$/m.exec(page ?? '') ?? []
  const source = stripTypes(js).replace('Date.now()', 'stampedAtMs')
  const secret = randomBytes(32)
  const sign = new Function('createHmac', 'secret', 'stampedAtMs', `${source}; return sign`)(
    createHmac,
    secret,
    1_700_000_000_000,
  )
  expect(sign('a#/b#', 'payload')).toEqual(signEmission(secret, 'a#/b#', 'payload', 1_700_000_000_000))
})

function stripTypes(source: string): string {
  return source.replaceAll(/: (string \| Buffer|string|Buffer)(?=[,) ])/g, '')
}
