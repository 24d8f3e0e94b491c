/** Presence of several nodes on a real Redis: one notice for each identity, and the truth again after nodes and Redis were away. */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { createClient } from 'redis'
import { rolldown } from 'rolldown'
import { Server } from 'socket.io'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPresence, redisPresence } from '../src/presence/index.ts'
import { type CuttableProxy, cuttableProxy } from './cuttable-proxy.ts'
import { redisStore, startPresenceNode } from './presence-node.ts'
import { afterwards, connected, until, watcher } from './presence-world.ts'

const REDIS_URL = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
const ROOM = 'organization.7'
const TTL_MS = 600

/** This file's own nodes, and Redis as each of them sees it. */
async function start(prefix: string, url = REDIS_URL, ttlMs = TTL_MS, count?: () => void) {
  const { store, end } = await redisStore(url, prefix, count)
  const node = await startPresenceNode(store, ttlMs)
  afterwards(async () => {
    await node.close()
    end()
  })
  const connections = async (namespace = '/', room = ROOM) =>
    Object.fromEntries(
      (await node.presence.members(namespace, room)).members.map((each) => [each.subject, each.connections]),
    )
  return { ...node, connections }
}

function randomPrefix(): string {
  const prefix = `test-${randomBytes(6).toString('hex')}`
  afterwards(() => forget(prefix))
  return prefix
}

async function forget(prefix: string): Promise<void> {
  const client = await createClient({ url: REDIS_URL }).connect()
  const keys = await client.keys(`{${prefix}}*`)
  if (keys.length > 0) await client.del(keys)
  client.destroy()
}

async function proxied(): Promise<CuttableProxy & { url: string }> {
  const { hostname, port } = new URL(REDIS_URL)
  const proxy = await cuttableProxy({ host: hostname, port: Number(port || 6379) })
  return { ...proxy, url: `redis://127.0.0.1:${proxy.port}` }
}

/** A node in a process of its own. */
async function startChild(prefix: string): Promise<{ url: string; child: ChildProcess }> {
  const env = { ...process.env, REDIS_URL, PREFIX: prefix, TTL_MS: String(TTL_MS) }
  const child = spawn(process.execPath, [CHILD], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  afterwards(() => child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, url: line.toString('utf8').trim() }
}

const CHILD = fileURLToPath(
  new URL(`../../../node_modules/.cache/presence-${randomBytes(6).toString('hex')}.mjs`, import.meta.url),
)
/** Of the nodes of which one is killed. It starts while other tests wait. */
const shared = randomPrefix()
let starting: ReturnType<typeof startChild>
beforeAll(async () => {
  const input = fileURLToPath(new URL('./presence-child.ts', import.meta.url))
  const bundle = await rolldown({ input, platform: 'node', external: /^[^./]/ })
  await bundle.write({ file: CHILD, format: 'esm' })
  await bundle.close()
  starting = startChild(shared)
})
afterAll(() => rm(CHILD, { force: true }))

test.concurrent('two sockets of one identity on two nodes are one join and one leave, told on both', async () => {
  const prefix = randomPrefix()
  const [a, b] = await Promise.all([start(prefix), start(prefix)])
  const [onA, onB] = await Promise.all([watcher(a.url, ROOM, 'w'), watcher(b.url, ROOM, 'w')])
  const [first, second] = await Promise.all(
    [a, b].map(({ url }) => connected(url, '/', { subject: 'alice', rooms: [ROOM] })),
  )
  await until(async () => (await a.connections()).alice === 2)
  expect(await b.presence.members('/', ROOM)).toEqual(await a.presence.members('/', ROOM))
  expect(await a.connections()).toEqual({ alice: 2, w: 2 })
  first?.disconnect()
  await until(async () => (await b.connections()).alice === 1)
  second?.disconnect()
  await until(() => onA.heard.length === 2 && onB.heard.length === 2)
  expect([onA.heard, onB.heard]).toEqual([
    ['+alice', '-alice'],
    ['+alice', '-alice'],
  ])
  const changes = [...a.changes, ...b.changes].filter(({ subject }) => subject === 'alice')
  expect(changes.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['join', 'leave']))
  expect(changes).toHaveLength(2)
  expect([...a.errors, ...b.errors]).toEqual([])
})

test.concurrent('after an outage of Redis that is longer than the time, who stayed has stayed, and the rest is made up for', async () => {
  const prefix = randomPrefix()
  const [before, late] = [await proxied(), await proxied()]
  const [a, b] = await Promise.all([start(prefix, before.url), start(prefix, late.url)])
  const { heard } = await watcher(a.url, ROOM, 'w')
  await connected(b.url, '/', { subject: 'alice', rooms: [ROOM] })
  const bob = await connected(b.url, '/', { subject: 'bob', rooms: [ROOM] })
  await until(() => heard.length === 2)
  before.cut()
  late.cut()
  await until(async () => (await b.presence.members('/', ROOM)).partial)
  bob.disconnect()
  await connected(b.url, '/', { subject: 'carol', rooms: [ROOM] })
  await until(async () => (await b.connections()).carol === 1)
  expect(await b.connections()).toEqual({ alice: 1, carol: 1 })
  // Longer than the nodes are believed.
  const cutAt = performance.now()
  await until(() => performance.now() - cutAt > TTL_MS * 1.2)
  const mendedAtMs = Date.now()
  before.mend()
  // By now the other node has not been heard of for too long, and the one that is back has looked.
  const client = await createClient({ url: REDIS_URL }).connect()
  afterwards(() => client.destroy())
  await until(async () => Number(await client.hGet(`{${prefix}}:state`, 'beat')) > mendedAtMs)
  late.mend()
  await until(() => heard.includes('+carol') && heard.includes('-bob'))
  await until(async () => !(await a.presence.members('/', ROOM)).partial)
  expect(await a.connections()).toEqual({ w: 1, alice: 1, carol: 1 })
  expect(heard.slice(0, 2).sort()).toEqual(['+alice', '+bob'])
  expect(heard.slice(2).sort()).toEqual(['+carol', '-bob'])
  // One report of the outage from each node, and nothing of who is where.
  expect(a.errors).toHaveLength(1)
  expect(b.errors).toHaveLength(1)
  expect(b.errors.map(String).join()).not.toMatch(/alice|bob|carol|organization/)
})

test.concurrent('when Redis has lost everything, it is told again by those who know, and only who has left meanwhile leaves', async () => {
  const prefix = randomPrefix()
  const proxy = await proxied()
  const [a, b] = await Promise.all([start(prefix), start(prefix, proxy.url)])
  const { heard } = await watcher(a.url, ROOM, 'w')
  await connected(a.url, '/', { subject: 'alice', rooms: [ROOM] })
  await connected(b.url, '/', { subject: 'bob', rooms: [ROOM] })
  const dave = await connected(b.url, '/', { subject: 'dave', rooms: [ROOM] })
  await until(() => heard.length === 3)
  proxy.cut()
  await until(async () => (await b.presence.members('/', ROOM)).partial)
  await forget(prefix)
  dave.disconnect()
  await until(async () => (await b.connections()).dave === undefined)
  proxy.mend()
  await until(async () => (await a.connections()).bob === 1 && (await a.connections()).alice === 1)
  await connected(b.url, '/', { subject: 'carol', rooms: [ROOM] })
  await until(() => heard.length === 5)
  await until(async () => !(await a.presence.members('/', ROOM)).partial)
  // Dave has left while Redis was away, and is not said to before everybody could have said that he is elsewhere too.
  expect(heard.slice(3)).toEqual(['+carol', '-dave'])
  expect(await b.connections()).toEqual({ w: 1, alice: 1, bob: 1, carol: 1 })
})

test.concurrent('members of a node that is cut off alone leave, and come back with it', async () => {
  const prefix = randomPrefix()
  const proxy = await proxied()
  const [a, b] = await Promise.all([start(prefix), start(prefix, proxy.url)])
  const { heard } = await watcher(a.url, ROOM, 'w')
  await connected(b.url, '/', { subject: 'alice', rooms: [ROOM] })
  await until(() => heard.length === 1)
  proxy.cut()
  await until(() => heard.length === 2)
  proxy.mend()
  await until(() => heard.length === 3)
  expect(heard).toEqual(['+alice', '-alice', '+alice'])
  expect(await a.connections()).toEqual({ w: 1, alice: 1 })
})

test('members of a killed node leave within the time, once, reported by one of the others; who is elsewhere too stays', async () => {
  const [a, b, { child, url }] = await Promise.all([start(shared), start(shared), starting])
  const [onA, onB] = await Promise.all([watcher(a.url, ROOM, 'w'), watcher(b.url, ROOM, 'w')])
  await Promise.all([
    connected(url, '/', { subject: 'alice', rooms: [ROOM] }),
    connected(url, '/', { subject: 'bob', rooms: [ROOM] }),
    connected(b.url, '/', { subject: 'bob', rooms: [ROOM] }),
  ])
  await until(async () => (await a.connections()).bob === 2 && (await a.connections()).alice === 1)
  const killedAt = performance.now()
  child.kill('SIGKILL')
  await until(() => onA.heard.includes('-alice') && onB.heard.includes('-alice'))
  expect(performance.now() - killedAt).toBeLessThan(TTL_MS + 2_000)
  await until(async () => (await a.connections()).bob === 1)
  const client = await createClient({ url: REDIS_URL }).connect()
  afterwards(() => client.destroy())
  await until(async () => (await client.zCard(`{${shared}}:nodes`)) === 2)
  expect(await client.keys(`{${shared}}:slots:child*`)).toEqual([])
  for (const { heard } of [onA, onB]) expect(heard.filter((each) => each.startsWith('-'))).toEqual(['-alice'])
  const left = [...a.changes, ...b.changes].filter(({ kind }) => kind === 'leave')
  expect(left).toEqual([
    {
      kind: 'leave',
      namespace: '/',
      room: ROOM,
      issuer: 'https://issuer.example',
      subject: 'alice',
      scheme: 'key',
      at: expect.closeTo(Date.now() / 1000, -1),
    },
  ])
})

test('a thousand joins are a thousand commands, and a node that closes takes its members with it at once', async () => {
  const prefix = randomPrefix()
  let commands = 0
  const count = () => {
    commands += 1
  }
  // A node that is believed for longer than this takes.
  const [a, b] = await Promise.all([start(prefix, REDIS_URL, 20_000), start(prefix, REDIS_URL, 20_000, count)])
  const socket = await connected(b.url, '/', { subject: 'alice' })
  const rooms = Array.from({ length: 1_000 }, (_, index) => `organization.${index}`)
  commands = 0
  await socket.emitWithAck('join', rooms)
  await until(() => b.changes.length === 1_000)
  expect(commands).toBeLessThan(1_100)
  expect(await a.connections('/', 'organization.999')).toEqual({ alice: 1 })
  await b.presence.close()
  expect(await a.connections('/', 'organization.999')).toEqual({})
  expect(b.changes).toHaveLength(2_000)
})

test('a prefix with braces is refused, and a store that is not there at the start rejects', async () => {
  const client = createClient({ url: 'redis://127.0.0.1:1', disableOfflineQueue: true })
  expect(() => redisPresence({ client, subscriber: client, prefix: 'a{b}' })).toThrow(
    new TypeError('"prefix" must be a non-empty string without braces'),
  )
  const store = redisPresence({ client, subscriber: client })
  const asked = { io: new Server(), store, isPresenceRoom: () => true, mayRead: () => true, onError: () => undefined }
  await expect(createPresence(asked)).rejects.toThrow('presence: ')
})
