import { redis } from 'portcullis/revocations/redis'
import { describe, expect, test } from 'vitest'
import { inSeconds, listenTo, newId, readerOf } from '../../src/testing/revocation-log-assertions.ts'
import { faultProxy } from '../faults/fault-proxy.ts'
import { ownRedis } from '../faults/owned-redis.ts'
import { recommended } from '../faults/redis-clients.ts'
import { onCleanup } from '../harness.ts'
import { ioRedis, nodeRedis, redisStore, SECRET } from './log-fixtures.ts'

const entry = (text: string) => ({ id: newId(), text, expiresAt: inSeconds(3600) })
const WITHIN = { timeout: 5_000, interval: 10 }

for (const kind of ['node-redis', 'ioredis'] as const) {
  /** With clients as an application should configure them. */
  const clientOf = (port: number) => (kind === 'ioredis' ? recommended.ioRedis(port) : recommended.nodeRedis(port))
  const start = async (port: number) => {
    const client = await clientOf(port)
    return redis({ client, secret: SECRET })
  }

  describe(kind, () => {
    test('X14: connections that subscribe are killed ten times: nothing that was appended is missed, and the bus is heard again', async () => {
      const server = await ownRedis()
      const [log, other] = [await start(server.port), await start(server.port)]
      const admin = await ioRedis(`redis://127.0.0.1:${server.port}`)
      const [ear, reader] = [await listenTo(log), readerOf(log)]
      for (let turn = 0; turn < 10; turn += 1) {
        const woken = ear.appended()
        await admin.client('KILL', 'TYPE', 'pubsub')
        const appended = entry(`turn ${turn}`)
        await other.append(appended)
        expect(await reader.read()).toEqual({ texts: [`turn ${turn}`], rewound: false })
        // When it hears again, it says that something may have been appended.
        await ear.until(() => ear.appended() > woken, 'a wake')
        await expect.poll(async () => (await admin.pubsub('NUMSUB', '{portcullis:revocations}:bus'))[1], WITHIN).toBe(1)
      }
      await other.publish('heard')
      await ear.until(() => ear.messages.includes('heard'), 'the message')
      await ear.stop()
      await expect.poll(async () => (await admin.pubsub('NUMSUB', '{portcullis:revocations}:bus'))[1], WITHIN).toBe(0)
    })

    test('F9, X14: Redis is killed by -9 and comes back with its data: rejects meanwhile, nothing that was appended is lost, and the bus is heard again', async () => {
      const server = await ownRedis()
      const log = await start(server.port)
      const [ear, reader] = [await listenTo(log), readerOf(log)]
      const kept = entry('kept')
      await log.append(kept)
      await reader.read()
      await server.kill()
      await expect(log.append(entry('x'))).rejects.toThrow('the revocation log failed')
      await expect(reader.sync()).rejects.toThrow('the revocation log failed')
      await expect(log.publish('x')).rejects.toThrow('the revocation log failed')
      await expect(log.leave('x')).rejects.toThrow('the revocation log failed')
      await expect(
        log.listen({ appended() {}, applied() {}, message() {} }).then((stop) => stop()),
      ).resolves.toBeUndefined()
      await server.restart()
      await expect.poll(() => reader.read().catch(() => null), WITHIN).toEqual({ texts: [], rewound: false })
      await log.append(kept)
      await log.append(entry('later'))
      expect(await reader.read()).toEqual({ texts: ['later'], rewound: false })
      expect((await readerOf(log).read()).texts).toEqual(['kept', 'later'])
      await expect
        .poll(async () => {
          await log.publish('heard')
          return ear.messages.includes('heard')
        }, WITHIN)
        .toBe(true)
      await ear.stop()
    })

    test('X10: Redis is away when somebody listens: rejects, keeps no connection and no listener, and later hears', async () => {
      const server = await ownRedis()
      const log = await start(server.port)
      await server.kill()
      const refused: (string | null)[] = []
      const listener = { appended() {}, applied() {}, message: (text: string | null) => void refused.push(text) }
      for (let i = 0; i < 5; i += 1) await expect(log.listen(listener)).rejects.toThrow('the revocation log failed')
      await server.restart()
      await expect.poll(() => log.publish('x').catch((error) => error), WITHIN).toBeUndefined()
      const ear = await listenTo(log)
      for (let i = 0; i < 50; i += 1) await log.publish(String(i))
      await ear.until(() => ear.messages.length === 50, 'all messages')
      expect(refused).toEqual([])
      // The log's client, the one that listens, and this one.
      const admin = await ioRedis(`redis://127.0.0.1:${server.port}`)
      expect(
        String(await admin.client('LIST'))
          .trim()
          .split('\n').length,
      ).toBe(3)
      await ear.stop()
    })

    test('X14: the bus falls silent without a word: what was appended and applied is read all the same', async () => {
      const server = await ownRedis()
      const proxy = await faultProxy({ host: '127.0.0.1', port: server.port })
      const [near, far] = [await start(server.port), await start(proxy.port)]
      const ear = await listenTo(far)
      const reader = readerOf(near)
      proxy.hold()
      const [first, second] = [entry('first'), entry('second')]
      await near.append(first)
      await near.append(second)
      const { entries, applied } = await reader.sync({ applied: [{ id: first.id, closed: 2 }], awaiting: [first.id] })
      expect(entries.map(({ text }) => text)).toEqual(['first', 'second'])
      expect(applied.get(first.id)?.get(reader.node)).toBe(2)
      expect([ear.appended(), ear.applied]).toEqual([0, []])
      proxy.release()
      await ear.until(() => ear.applied.includes(first.id), 'what was held')
      await ear.stop()
    })

    test('X07: FLUSHALL, which takes the scripts too: whoever had read is told once, and writes again', async () => {
      const server = await ownRedis()
      const log = await start(server.port)
      const admin = await ioRedis(`redis://127.0.0.1:${server.port}`)
      const reader = readerOf(log)
      const kept = entry('kept')
      await log.append(kept)
      await reader.read()
      await admin.flushall()
      await admin.script('FLUSH')
      expect(await reader.read()).toEqual({ texts: [], rewound: true })
      await log.append(kept)
      expect(await reader.read()).toEqual({ texts: ['kept'], rewound: true })
      expect(await reader.read()).toEqual({ texts: [], rewound: false })
    })

    test('only the stream is lost, or only the ids: what is appended again is there again', async () => {
      const { log, admin, key } = await redisStore(kind)
      const [mine, one] = [log(), entry('one')]
      const reader = readerOf(mine)
      await mine.append(one)
      await reader.read()
      await admin.del(key('entries'))
      expect(await reader.read()).toEqual({ texts: [], rewound: true })
      await mine.append(one)
      expect(await reader.read()).toEqual({ texts: ['one'], rewound: true })
      await admin.del(key('ids'), key('ends'))
      await mine.append(entry('two'))
      expect(await reader.read()).toEqual({ texts: ['two'], rewound: false })
      await admin.del(key('nodes'))
      expect(await reader.read()).toEqual({ texts: [], rewound: false })
    })

    test('R18: of what was forgotten nothing is left', async () => {
      const { store, log, admin, key } = await redisStore(kind)
      for (let i = 0; i < 120; i += 1) await log().append({ ...entry('ended'), expiresAt: inSeconds(-10) })
      await store.age?.()
      await log().append(entry('one'))
      const counts = async () => [
        await admin.xlen(key('entries')),
        await admin.hlen(key('ids')),
        await admin.zcard(key('ends')),
      ]
      expect(await counts()).toEqual([21, 21, 21])
      await log().append(entry('two'))
      expect(await counts()).toEqual([2, 2, 2])
    })

    test('only the stream is lost, and another stands in the place of what was read: it is read', async () => {
      const { log, admin, key } = await redisStore(kind)
      const [mine, reader] = [log(), readerOf(log())]
      await mine.append(entry('lost'))
      await reader.read()
      await admin.del(key('entries'))
      await mine.append(entry('another'))
      await mine.append(entry('later'))
      expect(await reader.read()).toEqual({ texts: ['another', 'later'], rewound: true })
    })

    test('the newest is deleted behind its back: the next still comes after it', async () => {
      const { log, admin, key } = await redisStore(kind)
      const [mine, reader] = [log(), readerOf(log())]
      await mine.append(entry('one'))
      await mine.append(entry('two'))
      await reader.read()
      const [[newest = ''] = []] = await admin.xrevrange(key('entries'), '+', '-', 'COUNT', 1)
      await admin.xdel(key('entries'), newest)
      expect(await reader.read()).toEqual({ texts: ['one'], rewound: true })
      await mine.append(entry('three'))
      expect(await reader.read()).toEqual({ texts: ['three'], rewound: false })
    })

    test('a node that was silent for ten minutes is forgotten, and a heartbeat that was forged is no node', async () => {
      const { log, admin, key } = await redisStore(kind)
      const [silent, reader] = [readerOf(log()), readerOf(log())]
      await silent.sync()
      const [seconds] = await admin.time()
      const at = (ago: number) => `${(Number(seconds) - ago) * 1000} 30000 `
      await admin.hset(key('nodes'), silent.node, at(590), 'forged', 'x', 'forged too', '1 x', 'ahead', at(-5))
      const { nodes } = await reader.sync()
      expect(nodes.map(({ node }) => node).sort()).toEqual([silent.node, reader.node, 'ahead'].sort())
      expect(nodes.find(({ node }) => node === 'ahead')?.ageMs).toBe(0)
      await admin.hset(key('nodes'), silent.node, at(601))
      await reader.sync()
      // The nameless field says since when there are any.
      expect((await admin.hkeys(key('nodes'))).sort()).toEqual(['', reader.node, 'ahead'].sort())
    })

    test('acknowledgements have an end', async () => {
      const { log, admin, key, prefix } = await redisStore(kind)
      const [mine, one] = [log(), entry('one')]
      await mine.append(one)
      await readerOf(mine).sync({ applied: [{ id: one.id, closed: 1 }] })
      const ttlMs = await admin.pttl(key(`applied:${one.id}`))
      expect(ttlMs > 590_000 && ttlMs <= 600_000).toBe(true)
      const keys = await admin.keys(`{${prefix}}:*`)
      expect(keys.length).toBe(5)
    })

    test('Redis refuses: the error says with which word, and nothing of the command', async () => {
      const { log, admin, key } = await redisStore(kind)
      await admin.set(key('entries'), 'no stream')
      await expect(log().append(entry('x'))).rejects.toThrow(
        new Error('the revocation log failed: Redis answered WRONGTYPE'),
      )
      await expect(readerOf(log()).sync()).rejects.toThrow(
        new Error('the revocation log failed: Redis answered WRONGTYPE'),
      )
    })

    test('a subscriber of the application stays open, and hears nothing more', async () => {
      const { log, admin, key } = await redisStore(kind)
      const url = process.env.REDIS_URL ?? ''
      const subscriber = kind === 'ioredis' ? await ioRedis(url) : await nodeRedis(url)
      const heard: string[] = []
      if ('destroy' in subscriber) await subscriber.subscribe('other', (text) => heard.push(text))
      else {
        await subscriber.subscribe('other')
        subscriber.on('message', (channel: string, text: string) => void (channel === 'other' && heard.push(text)))
      }
      const mine = log(SECRET, { subscriber })
      const ears = [await listenTo(mine), await listenTo(mine)]
      await admin.publish('other', 'not for the log')
      await mine.publish('for the log')
      for (const ear of ears) {
        await ear.until(() => ear.messages.length > 0, 'the message')
        expect(ear.messages).toEqual(['for the log'])
        await ear.stop()
      }
      expect((await admin.pubsub('NUMSUB', key('bus')))[1]).toBe(0)
      await admin.publish('other', 'open')
      await expect.poll(() => heard, WITHIN).toEqual(['not for the log', 'open'])
    })
  })
}

test('frozen Redis: whoever listens is told within the deadline, and nothing is left', async () => {
  const server = await ownRedis()
  const client = await recommended.nodeRedis(server.port)
  const log = redis({ client, secret: SECRET })
  server.freeze()
  onCleanup(() => server.thaw())
  await expect(listenTo(log)).rejects.toThrow('the revocation log failed')
}, 20_000)
