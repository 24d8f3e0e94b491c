import { permit } from 'portcullis'
import { fakeClock } from 'portcullis/testing'
import type { Socket } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { next, outcome, start } from '../harness.ts'
import { leased, listenTo, refresh, refused } from './lease-fixtures.ts'
import { sharedLog } from './nodes-log.ts'

const writer = { org: 'acme', scope: 'chat:write' }

/** A socket whose lease of 60 s has ended, and whose grace of 20 s has begun. */
async function expired(seconds = 60) {
  const harness = await leased({ lease: { graceMs: 20_000 } })
  const { key, enter, chat, time } = harness
  const socket = await enter(key('first', seconds, { claims: writer }))
  await socket.emitWithAck('auth:join', ['org:acme', 'open:1'])
  const serverSocket = chat.sockets.get(socket.id as string) as unknown as Socket
  time.advance(60_000)
  await arrived(socket)
  const heard = listenTo(socket)
  return { ...harness, socket, serverSocket, heard }
}

/** What the client is told itself comes after all that was sent to it before. */
async function arrived(socket: Parameters<typeof refresh>[0]): Promise<void> {
  expect(await socket.emitWithAck('auth:whoami')).toEqual(refused('AUTH_EXPIRED'))
}

describe('lease.graceMs: a socket whose lease has ended', () => {
  it('receives nothing, by whatever way it is sent', async () => {
    const { socket, serverSocket, chat, io, auth, heard } = await expired()
    chat.emit('news', 1)
    chat.to('org:acme').emit('news', 2)
    io.of('/chat')
      .to(socket.id as string)
      .emit('news', 3)
    chat.local.emit('news', 4)
    chat.volatile.emit('news', 5)
    chat.to(auth.room({ issuer: 'https://issuer.example', subject: 'alice' })).emit('news', 6)
    serverSocket.emit('news', 7)
    serverSocket.emit('news', Buffer.from('8'))
    serverSocket.volatile.emit('news', 9)
    serverSocket.send('news')
    serverSocket.timeout(1_000).emit('news', () => {})
    await arrived(socket)
    expect(heard).toEqual([])
    expect(await chat.fetchSockets()).toEqual([])
  })

  it('gets no acknowledgement of an event that came before', async () => {
    const { key, enter, chat, time } = await leased({ lease: { graceMs: 20_000 } })
    const acks: ((answer: string) => void)[] = []
    chat.on('connection', (socket) => socket.on('hold', (ack) => acks.push(ack)))
    const socket = await enter(key('first', 60))
    const answers: unknown[] = []
    socket.emit('hold', (answer: unknown) => answers.push(answer))
    await expect.poll(() => acks.length).toBe(1)
    time.advance(60_000)
    acks[0]?.('secret')
    await arrived(socket)
    expect(answers).toEqual([])
  })

  it('R02: can do nothing but refresh', async () => {
    const { socket, serverSocket, handled, heard } = await expired()
    for (const event of ['say', 'auth:join', 'auth:leave', 'auth:whoami', 'auth:unknown'])
      expect(await socket.emitWithAck(event, 'open:2')).toEqual(refused('AUTH_EXPIRED'))
    socket.emit('say')
    await expect
      .poll(() => heard)
      .toEqual([['auth:denied', expect.objectContaining({ code: 'AUTH_EXPIRED', event: 'say' })]])
    expect(handled).toEqual([])
    // Its rooms are kept for it.
    expect(serverSocket.rooms.size).toBe(4)
  })

  it('is there again after a refresh, in its rooms, and as reachable as before', async () => {
    const { key, socket, serverSocket, chat, begin, handled, heard } = await expired()
    expect(await refresh(socket, { token: key('second', 600, { claims: writer }) })).toEqual({
      expiresAt: begin + 600,
      joined: [],
      left: [],
    })
    chat.to('org:acme').emit('news', 1)
    serverSocket.emit('news', 2)
    serverSocket.emit('ask', (error: unknown) => error)
    socket.emit('say')
    expect((await socket.emitWithAck('auth:whoami')).rooms).toEqual(['home:acme', 'org:acme', 'open:1'])
    expect(heard.map(([event]) => event)).toEqual(['news', 'news', 'ask'])
    expect(handled).toEqual(['say'])
    expect([...chat.sockets.keys()]).toEqual([socket.id])
  })

  it('R07: comes back to no room that the new credential does not permit', async () => {
    const { key, socket, chat, heard } = await expired()
    const answer = await refresh(socket, { token: key('second', 600, { claims: { org: 'globex', scope: '' } }) })
    expect(answer).toMatchObject({ joined: ['home:globex'], left: ['home:acme', 'org:acme'] })
    heard.length = 0
    chat.to(['org:acme', 'home:acme']).emit('secret')
    expect(await socket.emitWithAck('say')).toEqual(refused('AUTH_FORBIDDEN'))
    expect(heard).toEqual([])
  })

  it.each([
    ['unknown', null, 'AUTH_CREDENTIAL_INVALID'],
    ['expired as well', { expiresAt: 1 }, 'AUTH_EXPIRED'],
    ['of another', { subject: 'mallory' }, 'AUTH_SUBJECT_CHANGED'],
  ])('stays hidden after a refresh with a credential that is %s', async (_name, record, code) => {
    const { key, socket, chat, heard } = await expired()
    if (record !== null) key('second', 600, record)
    expect(await refresh(socket, { token: 'second' })).toEqual(refused(code))
    chat.emit('news')
    await arrived(socket)
    expect(heard).toEqual([])
    expect(await refresh(socket, { token: key('third', 600) })).toMatchObject({ joined: [] })
  })

  it('is closed with AUTH_EXPIRED when the grace is over, its reason first', async () => {
    const { socket, serverSocket, heard, io, time } = await expired()
    const gone = next(socket, 'disconnect')
    time.advance(19_000)
    await arrived(socket)
    time.advance(1_000)
    serverSocket.emit('news')
    expect((await gone)[0]).toBe('io server disconnect')
    expect(heard).toEqual([['auth:closed', expect.objectContaining({ code: 'AUTH_EXPIRED' })]])
    await expect.poll(() => [io.engine.clientsCount, time.pending()]).toEqual([0, 0])
  })

  it('is closed by a revocation all the same', async () => {
    const { socket, auth, heard, time } = await expired()
    const gone = next(socket, 'disconnect')
    expect((await auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })).closed).toBe(1)
    await gone
    expect(heard).toEqual([['auth:closed', expect.objectContaining({ code: 'AUTH_REVOKED' })]])
    await expect.poll(() => time.pending()).toBe(0)
  })

  it('leaves nothing behind when it goes by itself', async () => {
    const { socket, chat, auth, time } = await expired()
    socket.disconnect()
    await expect.poll(() => [chat.sockets.size, chat.adapter.sids.size, time.pending()]).toEqual([0, 0, 0])
    expect(auth.sockets({ issuer: 'https://issuer.example', subject: 'alice' })).toEqual([])
  })

  it('leaves no timer behind when the guard is closed', async () => {
    const { socket, auth, time } = await expired()
    const closed = next(socket, 'auth:closed')
    await auth.close()
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_UNAVAILABLE' })
    await expect.poll(() => time.pending()).toBe(0)
  })

  it('loses a room whose own grant ends meanwhile, and is told', async () => {
    const { key, enter, time, begin, auth } = await leased(
      { lease: { graceMs: 20_000 } },
      { open: () => permit({ expiresAt: begin + 70 }) },
    )
    const socket = await enter(key('first', 60))
    await socket.emitWithAck('auth:join', 'open:1')
    time.advance(60_000)
    const left = next(socket, 'auth:left')
    time.advance(10_000)
    expect((await left)[0]).toMatchObject({ code: 'AUTH_EXPIRED', room: 'open:1' })
    expect(await refresh(socket, { token: key('second', 600) })).toMatchObject({ joined: [], left: [] })
    const [serverSocket] = auth.sockets({ issuer: 'https://issuer.example', subject: 'alice' })
    expect([...(serverSocket?.rooms ?? [])]).toEqual([socket.id, 'home:acme'])
  })

  it('stays hidden when the node was suspended meanwhile and goes on', async () => {
    const clock = fakeClock()
    const log = sharedLog().node()
    const { io, auth, client, records } = await start({ clock, revocations: log, lease: { graceMs: 60_000 } })
    const chat = auth.protect(io.of('/chat'), { events: {} })
    records.set('first', { subject: 'alice', expiresAt: clock.now() / 1000 + 10 })
    records.set('second', { subject: 'alice', expiresAt: clock.now() / 1000 + 600 })
    const socket = client('/chat', { auth: { token: 'first' } })
    expect(await outcome(socket)).toBeNull()
    await clock.advance(11_000)
    await arrived(socket)
    log.cut = true
    await clock.advance(6_000)
    expect(await socket.emitWithAck('auth:whoami')).toEqual(refused('AUTH_UNAVAILABLE'))
    expect(await refresh(socket, { token: 'second' })).toEqual(refused('AUTH_UNAVAILABLE'))
    log.cut = false
    await clock.advance(3_000)
    const heard = listenTo(socket)
    chat.emit('news', 1)
    await arrived(socket)
    expect([heard, chat.sockets.size]).toEqual([[], 0])
    expect(await refresh(socket, { token: 'second' })).toMatchObject({ joined: [], left: [] })
    chat.emit('news', 2)
    await expect.poll(() => heard).toEqual([['news', 2]])
  })

  it('R24: keeps the other namespaces of its connection, with leases of their own', async () => {
    const { key, enter, protect, time, chat } = await leased({ lease: { graceMs: 20_000 } })
    const other = protect('/other')
    const socket = await enter(key('first', 60))
    const second = socket.io.socket('/other', { auth: { token: key('longer', 70) } })
    expect(await outcome(second)).toBeNull()
    const [heard, heardThere] = [listenTo(socket), listenTo(second)]
    time.advance(60_000)
    for (const nsp of [chat, other]) nsp.emit('news')
    await arrived(socket)
    await expect.poll(() => heardThere.filter(([event]) => event === 'news').length).toBe(1)
    expect(heard.filter(([event]) => event === 'news')).toEqual([])
    await refresh(socket, { token: key('new', 600) })
    time.advance(30_000)
    await expect.poll(() => second.connected).toBe(false)
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
  })

  it('keeps its dynamic namespace, also when the last one in sight goes', async () => {
    const { key, enter, protect, time, io } = await leased(
      { lease: { graceMs: 20_000 } },
      {},
      { cleanupEmptyChildNamespaces: true },
    )
    protect(/^\/room-\d+$/)
    const hidden = await enter(key('first', 60), '/room-1')
    const seen = await enter(key('longer', 600), '/room-1')
    const namespace = io.of('/room-1')
    time.advance(60_000)
    const left = next(namespace.sockets.get(seen.id as string) as Socket, 'disconnect')
    seen.disconnect()
    await left
    expect(io.of('/room-1')).toBe(namespace)
    expect(await refresh(hidden, { token: key('new', 900) })).toMatchObject({ joined: [] })
    const news = next(hidden, 'news')
    io.of('/room-1').emit('news')
    await news
    hidden.disconnect()
    await expect.poll(() => io._nsps.has('/room-1')).toBe(false)
  })

  it('takes its dynamic namespace along when it was the last of it, and never one that was made anew', async () => {
    const { key, enter, protect, time, io } = await leased(
      { lease: { graceMs: 20_000 } },
      {},
      { cleanupEmptyChildNamespaces: true },
    )
    protect(/^\/room-\d+$/)
    await enter(key('first', 60), '/room-1')
    time.advance(60_000)
    expect(io._nsps.has('/room-1')).toBe(true)
    time.advance(20_000)
    await expect.poll(() => io._nsps.has('/room-1')).toBe(false)
  })

  it('is closed with AUTH_UNAVAILABLE when its namespace is gone', async () => {
    const { socket, key, io, heard, audit } = await expired()
    const gone = next(socket, 'disconnect')
    const answers: unknown[] = []
    io._nsps.delete('/chat')
    socket.emit('auth:refresh', { token: key('second', 600) }, (body: unknown) => answers.push(body))
    await gone
    expect(heard).toEqual([['auth:closed', expect.objectContaining({ code: 'AUTH_UNAVAILABLE' })]])
    expect(answers).toEqual([])
    expect(audit.at(-1)).toMatchObject({ stage: 'refresh', code: 'AUTH_UNAVAILABLE' })
  })
})
