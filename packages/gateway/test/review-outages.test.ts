/** What an outage must not do to a gateway on a file: end it, or keep it from ending. */

import { randomBytes } from 'node:crypto'
import { afterEach, expect, it } from 'vitest'
import { cuttableProxy } from './cuttable-proxy.ts'
import { connect, openOn, until } from './opened.ts'

const REDIS = new URL(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379')

const rejections: unknown[] = []
const hear = (reason: unknown) => rejections.push(reason)
afterEach(() => void process.off('unhandledRejection', hear))

it('a client that leaves while Redis is away, and the end of the gateway then, reject nothing unheard and take no longer than 8 s', async () => {
  const proxy = await cuttableProxy({ host: REDIS.hostname, port: Number(REDIS.port || 6379) })
  const url = new URL(REDIS)
  url.host = `127.0.0.1:${proxy.port}`
  const opened = await openOn(
    `redis: { url: "\${REDIS_URL}" }
nodes: { secret: "\${NODES_SECRET}", prefix: "\${PREFIX}" }
emitters: { key: "\${PREFIX}" }
recovery: {}
namespaces:
  /chat: { connect: true, memberships: { cel: '["org.7"]' }, rooms: { "org.{id}": { presence: true } } }
`,
    {
      REDIS_URL: url.href,
      NODES_SECRET: randomBytes(32).toString('hex'),
      PREFIX: `gateway-review-${randomBytes(4).toString('hex')}`,
    },
  )
  const alice = await connect(opened, '/chat', 'alice')
  process.on('unhandledRejection', hear)
  proxy.cut()
  alice.io.engine.close()
  await until(() => opened.gateway.io.of('/chat').sockets.size === 0)
  const startedMs = performance.now()
  await opened.gateway.close()
  expect(performance.now() - startedMs).toBeLessThan(8_000)
  await new Promise(setImmediate)
  expect(rejections).toEqual([])
}, 20_000)
