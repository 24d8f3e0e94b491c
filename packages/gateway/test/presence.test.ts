/** Presence on one node: who counts, who is told, and what the sockets of a real Portcullis do to it. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAuth, type Identity, permit } from 'portcullis'
import { fakeClock } from 'portcullis/testing'
import { Server } from 'socket.io'
import { expect, test } from 'vitest'
import { createPresence, memoryPresence, type PresenceOptions } from '../src/presence/index.ts'
import { tokens } from './emitters-tokens.ts'
import { startPresenceNode } from './presence-node.ts'
import { afterwards, connected, until, watcher } from './presence-world.ts'

const ROOM = 'organization.7'

async function start() {
  const node = await startPresenceNode(memoryPresence(), 1_000)
  afterwards(() => node.close())
  const subjects = async (namespace = '/', room = ROOM) =>
    (await node.presence.members(namespace, room)).members.map(({ subject }) => subject)
  return { ...node, subjects }
}

test('an identity joins with its first socket and leaves with its last', async () => {
  const { url, presence, changes, subjects } = await start()
  const { heard, notices } = await watcher(url, ROOM)
  const first = await connected(url, '/', { subject: 'alice', rooms: [ROOM] })
  await until(() => heard.length === 1)
  const second = await connected(url, '/', { subject: 'alice', rooms: [ROOM, 'organization.8'] })
  const alice = async () => (await presence.members('/', ROOM)).members.find(({ subject }) => subject === 'alice')
  await until(async () => (await alice())?.connections === 2)
  const { members, partial } = await presence.members('/', ROOM)
  expect([members.length, partial]).toEqual([2, false])
  expect(await alice()).toEqual({
    issuer: 'https://issuer.example',
    subject: 'alice',
    scheme: 'key',
    since: expect.closeTo(Date.now() / 1000, -1),
    connections: 2,
  })
  first.disconnect()
  await until(async () => (await alice())?.connections === 1)
  expect(heard).toEqual(['+alice'])
  await second.emitWithAck('leave', ROOM)
  await until(() => heard.length === 2)
  expect(heard).toEqual(['+alice', '-alice'])
  expect(notices.at(-1)).toEqual({
    room: ROOM,
    issuer: 'https://issuer.example',
    subject: 'alice',
    scheme: 'key',
    at: expect.closeTo(Date.now() / 1000, -1),
  })
  expect(await subjects()).toEqual(['watcher'])
  expect(await subjects('/', 'organization.8')).toEqual(['alice'])
  expect(changes.filter(({ subject }) => subject === 'alice').map(({ kind, room }) => `${kind} ${room}`)).toEqual([
    `join ${ROOM}`,
    'join organization.8',
    `leave ${ROOM}`,
  ])
})

test('rooms without presence, sockets without an identity, and what comes and goes within a turn are not told', async () => {
  const { url, io, subjects, changes } = await start()
  await connected(url, '/', { rooms: [ROOM] })
  await connected(url, '/plain', { subject: 'bob', rooms: [ROOM] })
  const carol = await connected(url, '/', { subject: 'carol', rooms: ['chess'] })
  const there = io.of('/').sockets.get(carol.id ?? '')
  there?.join(ROOM)
  there?.leave(ROOM)
  await connected(url, '/', { subject: 'dave', rooms: [ROOM] })
  await until(async () => (await subjects()).length > 0)
  expect(await subjects()).toEqual(['dave'])
  expect(await subjects('/plain')).toEqual([])
  expect(changes.map(({ subject }) => subject)).toEqual(['dave'])
})

test('dynamic namespaces have presence of their own', async () => {
  const { url, subjects } = await start()
  await connected(url, '/tenant-1', { subject: 'alice', rooms: [ROOM] })
  const bob = await connected(url, '/tenant-2', { subject: 'bob', rooms: [ROOM] })
  await until(async () => (await subjects('/tenant-1')).length + (await subjects('/tenant-2')).length === 2)
  expect([await subjects('/tenant-1'), await subjects('/tenant-2')]).toEqual([['alice'], ['bob']])
  bob.disconnect()
  await until(async () => (await subjects('/tenant-2')).length === 0)
})

test('A28: only who may read a room is told, while in it, and until it leaves it', async () => {
  const { url, io, presence } = await start()
  const secret = 'organization.secret'
  const socket = await connected(url, '/', { subject: 'eve', rooms: [secret] })
  const heard: unknown[] = []
  socket.on('presence:join', (notice: { subject: string }) => heard.push(notice.subject))
  expect(await socket.emitWithAck('watch', secret)).toBe(false)
  expect(await socket.emitWithAck('watch', ROOM)).toBe(false)
  expect(await socket.emitWithAck('watch', 'chess')).toBe(false)
  expect(await (await connected(url, '/', { rooms: [ROOM] })).emitWithAck('watch', ROOM)).toBe(false)
  const identity: Identity = { scheme: 'key', issuer: 'i', subject: 's', claims: {} }
  expect(await presence.mayRead(identity, '/', ROOM)).toBe(true)
  expect(await presence.mayRead(identity, '/', secret)).toBe(false)
  expect(await presence.mayRead(identity, '/', 'chess')).toBe(false)

  await socket.emitWithAck('join', [ROOM])
  expect(await socket.emitWithAck('watch', ROOM)).toBe(true)
  await connected(url, '/', { subject: 'alice', rooms: [ROOM, secret] })
  await until(() => heard.includes('alice'))
  await socket.emitWithAck('leave', ROOM)
  expect([...(io.of('/').sockets.get(socket.id ?? '')?.rooms ?? [])]).toEqual([socket.id, secret])
  const other = await watcher(url, ROOM)
  await socket.emitWithAck('join', [ROOM])
  await connected(url, '/', { subject: 'bob', rooms: [ROOM] })
  await until(() => other.heard.includes('+bob'))
  await other.socket.emitWithAck('unwatch', ROOM)
  await connected(url, '/', { subject: 'carol', rooms: [ROOM] })
  await until(async () => (await presence.members('/', ROOM)).members.some(({ subject }) => subject === 'carol'))
  await Promise.all([socket.emitWithAck('leave', ROOM), other.socket.emitWithAck('leave', ROOM)])
  expect(other.heard).not.toContain('+carol')
  expect(heard.filter((subject) => subject !== 'eve')).toEqual(['alice'])
})

test('a listener that throws is reported, and the next change is told', async () => {
  const io = new Server()
  const errors: Error[] = []
  const told: string[] = []
  const options: PresenceOptions = {
    io,
    store: memoryPresence(),
    isPresenceRoom(_namespace, room) {
      if (room === 'bad') throw new Error('no such room')
      return true
    },
    mayRead: () => true,
    onChange({ subject }) {
      told.push(subject)
      throw new Error('the application’s own')
    },
    onError: (error) => errors.push(error),
  }
  const presence = await createPresence(options)
  afterwards(() => presence.close())
  const { adapter, sockets } = io.of('/')
  for (const subject of ['a', 'b']) {
    sockets.set(subject, { data: { identity: { issuer: 'i', subject, scheme: 's' } } } as never)
    adapter.addAll(subject, new Set([ROOM]))
    await until(() => told.includes(subject) && errors.length === told.length)
  }
  expect(errors.map(({ message }) => message)).toEqual(['the application’s own', 'the application’s own'])
  adapter.addAll('a', new Set(['bad', 'presence|organization.7']))
  await until(() => errors.length === 3)
  expect(errors[2]?.message).toBe('no such room')
  expect(told).toEqual(['a', 'b'])
  await expect(createPresence({ ...options, ttlMs: 10 })).rejects.toThrow(new TypeError('"ttlMs" must be at least 400'))
  await expect(createPresence({ ...options, node: 'a b' })).rejects.toThrow('"node"')
  await expect(createPresence({ ...options, mayRead: true as never })).rejects.toThrow('"mayRead" must be a function')
})

test('a socket that Portcullis withholds stays present, and so does one that is refreshed', async () => {
  const clock = fakeClock()
  const http = createServer()
  const io = new Server(http)
  const auth = createAuth({
    origins: ['https://app.example'],
    strategies: [tokens(clock)],
    clock,
    lease: { graceMs: 60_000 },
  })
  auth.protect(io.of('/'), {
    events: {},
    rooms: { [ROOM]: () => permit() },
    memberships: async () => ['organization.9'],
  })
  const changes: string[] = []
  const presence = await createPresence({
    io,
    store: memoryPresence(),
    isPresenceRoom: (_namespace, room) => room.startsWith('organization.'),
    mayRead: () => true,
    onChange: ({ kind, room }) => changes.push(`${kind} ${room}`),
    onError: () => undefined,
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  afterwards(async () => {
    await auth.close()
    await io.close()
    await presence.close()
  })
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const socket = await connected(url, '/', { token: 'alice' } as object)
  const there = io.of('/').sockets.get(socket.id ?? '')
  await socket.emitWithAck('auth:join', [ROOM])
  await until(() => changes.length === 2)
  expect(changes).toEqual(['join organization.9', `join ${ROOM}`])

  await clock.advance(61_000)
  expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ error: { code: 'AUTH_EXPIRED' } })
  expect(io.of('/').sockets.size).toBe(0)
  // What the application does with it meanwhile counts.
  there?.join('organization.10')
  await until(() => changes.includes('join organization.10'))
  expect((await presence.members('/', 'organization.9')).members).toMatchObject([{ subject: 'alice', connections: 1 }])
  expect(await socket.emitWithAck('auth:refresh', { token: 'alice' })).toMatchObject({ left: [] })
  expect(io.of('/').sockets.size).toBe(1)
  expect((await presence.members('/', ROOM)).members).toMatchObject([{ subject: 'alice', connections: 1 }])
  expect(changes).toHaveLength(3)
  socket.disconnect()
  await until(() => changes.length === 6)
  expect(changes.slice(3).sort()).toEqual(['leave organization.10', `leave ${ROOM}`, 'leave organization.9'])
})
