import { describe, expect, it } from 'vitest'
import { gate, next, outcome } from '../harness.ts'
import { alice, ISSUER, membersOnly, news, roomsOf } from './reconcile-fixtures.ts'

describe('R22: reconcile({ issuer, subject })', () => {
  it('R22: takes the sockets out of the room with AUTH_FORBIDDEN, and nobody else is asked, touched or disconnected', async () => {
    const { auth, chat, enter, table, audit } = await membersOnly()
    table.rooms.set('alice', ['org:1', 'org:2']).set('bob', ['org:1'])
    const [one, two, bob] = [await enter('alice'), await enter('alice'), await enter('bob')]
    table.rooms.set('alice', ['org:2'])
    table.asked.length = 0
    const result = await auth.reconcile(alice)
    expect(result).toMatchObject({ partial: false, silent: [] })
    expect(result.nodes).toEqual([{ node: expect.any(String), sockets: 2, joined: 0, left: 2, undecided: 0 }])
    expect(table.asked).toEqual(['alice', 'alice'])
    chat.to('org:1').emit('news', 'members')
    chat.emit('news', 'all')
    for (const { heard } of [one, two, bob]) await expect.poll(() => heard.at(-1)).toEqual(['news', 'all'])
    for (const { heard, id } of [one, two]) {
      expect(news(heard)).toEqual([
        ['auth:left', 'org:1', 'AUTH_FORBIDDEN'],
        ['news', 'all'],
      ])
      expect(roomsOf(chat, id)).toEqual(['org:2'])
    }
    expect(one.heard[0]?.[1]).toEqual({
      code: 'AUTH_FORBIDDEN',
      message: 'This is not permitted.',
      retry: 'never',
      room: 'org:1',
    })
    expect(news(bob.heard)).toEqual([
      ['news', 'members'],
      ['news', 'all'],
    ])
    expect(audit.filter(({ rule }) => rule === 'memberships')).toMatchObject([
      { stage: 'expire', room: 'org:1', code: 'AUTH_FORBIDDEN', effect: 'deny', namespace: '/chat', socketId: one.id },
      { stage: 'expire', room: 'org:1', code: 'AUTH_FORBIDDEN', socketId: two.id },
    ])
  })

  it('joins rooms that were gained, and says so in one auth:joined', async () => {
    const { auth, chat, enter, table, audit } = await membersOnly()
    const { heard, id } = await enter('alice')
    table.rooms.set('alice', ['org:1', 'org:2'])
    expect((await auth.reconcile(alice)).nodes).toMatchObject([{ sockets: 1, joined: 2, left: 0 }])
    chat.to('org:2').emit('news', 'two')
    await expect.poll(() => heard.at(-1)).toEqual(['news', 'two'])
    expect(heard).toEqual([
      ['auth:joined', { rooms: ['org:1', 'org:2'] }],
      ['news', 'two'],
    ])
    expect(roomsOf(chat, id)).toEqual(['org:1', 'org:2'])
    expect(audit.filter(({ rule }) => rule === 'memberships')).toMatchObject([
      { stage: 'join', room: 'org:1', code: null, effect: 'permit', identity: { subject: 'alice' } },
      { stage: 'join', room: 'org:2', code: null, effect: 'permit' },
    ])
  })

  it('says nothing where nothing changed', async () => {
    const { auth, enter, table } = await membersOnly()
    table.rooms.set('alice', ['org:1'])
    const { socket, heard } = await enter('alice')
    expect((await auth.reconcile(alice)).nodes).toMatchObject([{ sockets: 1, joined: 0, left: 0 }])
    await socket.emitWithAck('auth:whoami')
    expect(heard).toEqual([])
  })

  it('a room that is also held by auth:join is left only by its grant', async () => {
    const { auth, chat, enter, table } = await membersOnly()
    table.rooms.set('alice', ['open:1', 'open:2'])
    const { socket, heard, id } = await enter('alice')
    await socket.emitWithAck('auth:join', 'open:1')
    table.rooms.set('alice', [])
    expect((await auth.reconcile(alice)).nodes).toMatchObject([{ left: 1 }])
    expect(roomsOf(chat, id)).toEqual(['open:1'])
    await socket.emitWithAck('auth:leave', 'open:1')
    expect(roomsOf(chat, id)).toEqual([])
    expect(news(heard)).toEqual([['auth:left', 'open:2', 'AUTH_FORBIDDEN']])
  })

  it('sees what has changed in an array that the application goes on changing', async () => {
    const { auth, chat, enter, table } = await membersOnly()
    const rooms = ['org:1']
    table.rooms.set('alice', rooms)
    const { id } = await enter('alice')
    rooms.pop()
    expect((await auth.reconcile(alice)).nodes).toMatchObject([{ left: 1 }])
    expect(roomsOf(chat, id)).toEqual([])
  })

  it('is of no effect on a namespace without memberships, and for nobody', async () => {
    const { auth, io, client } = await membersOnly()
    auth.protect(io.of('/plain'), { events: {} })
    expect(await outcome(client('/plain', { auth: { token: 'alice-key' } }))).toBeNull()
    expect((await auth.reconcile(alice)).nodes).toMatchObject([{ sockets: 0, undecided: 0 }])
    expect((await auth.reconcile({ issuer: ISSUER, subject: 'nobody' })).nodes).toMatchObject([{ sockets: 0 }])
  })
})

describe('reconcile of a room, and of everyone', () => {
  it('asks those who hold the room by membership, of one namespace or all', async () => {
    const { auth, enter, table, protect } = await membersOnly()
    protect('/other')
    table.rooms.set('alice', ['org:1']).set('bob', ['org:1']).set('carol', ['org:2'])
    await enter('alice')
    await enter('bob', '/other')
    const carol = await enter('carol')
    await carol.socket.emitWithAck('auth:join', 'open:1')
    table.asked.length = 0
    await auth.reconcile({ room: 'org:1' })
    expect(table.asked.sort()).toEqual(['alice', 'bob'])
    table.asked.length = 0
    await auth.reconcile({ room: 'org:1', namespace: '/other' })
    await auth.reconcile({ room: 'open:1' })
    expect(table.asked).toEqual(['bob'])
  })

  it('asks everyone, at most sixteen at a time, and whoever is named before the rest', async () => {
    const { auth, enter, table } = await membersOnly()
    const subjects = Array.from({ length: 60 }, (_, i) => `user-${i}`)
    await Promise.all(subjects.map((subject) => enter(subject)))
    table.asked.length = 0
    table.most = 0
    const held = gate()
    table.hold = () => held.promise
    const all = auth.reconcile({ everyone: true })
    await expect.poll(() => table.underWay).toBe(16)
    const named = auth.reconcile({ issuer: ISSUER, subject: 'user-59' })
    held.open()
    expect((await all).nodes).toMatchObject([{ sockets: 60, undecided: 0 }])
    await named
    expect(table.most).toBe(16)
    expect(table.asked).toHaveLength(60)
    // One of each lane in turn.
    expect(table.asked.indexOf('user-59')).toBeLessThan(18)
  })

  it.each([
    {},
    null,
    { subject: 'alice' },
    { issuer: '', subject: 'alice' },
    { issuer: ISSUER, subject: 7 },
    { issuer: ISSUER, subject: 'alice', room: 'org:1' },
    { room: '' },
    { namespace: '/chat' },
    { room: 'org:1', namespace: 7 },
    { everyone: false },
  ])('%j is a TypeError', async (target) => {
    const { auth } = await membersOnly()
    await expect(auth.reconcile(target as never)).rejects.toThrow(TypeError)
    await expect(auth.reconcile(target as never)).rejects.toThrow('{ issuer, subject }')
  })

  it.each([
    [{ thisNodeOnly: 1 }, '"thisNodeOnly" must be true or false'],
    [{ timeoutMs: 0 }, '"timeoutMs" must be a number of milliseconds'],
    [{ timeoutMs: 2 ** 31 }, '"timeoutMs" must be a number of milliseconds'],
  ])('with %j is a TypeError', async (options, message) => {
    const { auth } = await membersOnly()
    await expect(auth.reconcile(alice, options as never)).rejects.toThrow(message)
  })
})

describe('what comes at once, and what comes too early', () => {
  it('a hundred triggers within one tick are one query', async () => {
    const { auth, enter, table } = await membersOnly()
    await enter('alice')
    table.asked.length = 0
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) => auth.reconcile(i % 2 === 0 ? alice : { everyone: true })),
    )
    expect(table.asked).toEqual(['alice'])
    for (const { nodes } of results) expect(nodes).toMatchObject([{ sockets: 1, undecided: 0 }])
  })

  it('R22: triggers while the answer is on its way make it asked once more, since that answer may be older', async () => {
    const { auth, chat, enter, table } = await membersOnly()
    table.rooms.set('alice', ['org:1'])
    const { id } = await enter('alice')
    table.asked.length = 0
    const held = gate()
    table.hold = () => held.promise
    const first = auth.reconcile(alice)
    await expect.poll(() => table.underWay).toBe(1)
    // The row goes after it was read.
    table.rooms.set('alice', [])
    const later = Promise.all(Array.from({ length: 20 }, () => auth.reconcile(alice)))
    held.open()
    expect((await first).nodes).toMatchObject([{ left: 0 }])
    for (const { nodes } of await later) expect(nodes).toMatchObject([{ left: 1 }])
    expect(table.asked).toHaveLength(2)
    expect(roomsOf(chat, id)).toEqual([])
  })

  it('R22: a socket that is connecting meanwhile does not keep what was read before the change', async () => {
    const { auth, chat, client, table, records } = await membersOnly()
    table.rooms.set('alice', ['org:1'])
    records.set('alice', { subject: 'alice' })
    const [held, late] = [gate(), gate()]
    table.hold = () => held.promise
    chat.use((_socket, proceed) => void late.promise.then(() => proceed()))
    const clients = [client('/chat', { auth: { token: 'alice' } }), client('/chat', { auth: { token: 'alice' } })]
    const left = clients.map((socket) => next(socket, 'auth:left'))
    const outcomes = clients.map(outcome)
    await expect.poll(() => table.underWay).toBe(2)
    table.rooms.set('alice', [])
    expect((await auth.reconcile({ room: 'org:1' })).nodes).toMatchObject([{ sockets: 0 }])
    table.hold = null
    held.open()
    late.open()
    expect(await Promise.all(outcomes)).toEqual([null, null])
    for (const [notice] of await Promise.all(left)) expect(notice).toMatchObject({ room: 'org:1' })
    expect(roomsOf(chat, clients[0]?.id as string)).toEqual([])
  })

  it('R22: a refresh in flight that has read the old rows does not bring them back', async () => {
    const { auth, chat, enter, table } = await membersOnly()
    table.rooms.set('alice', ['org:1'])
    const { socket, id, heard } = await enter('alice')
    const held = gate()
    table.hold = () => held.promise
    const refreshed = socket.emitWithAck('auth:refresh', { token: 'alice' })
    await expect.poll(() => table.underWay).toBe(1)
    table.rooms.set('alice', [])
    const reconciled = auth.reconcile(alice)
    table.hold = null
    held.open()
    expect(await refreshed).toMatchObject({ joined: [], left: [] })
    expect((await reconciled).nodes).toMatchObject([{ left: 1 }])
    expect(roomsOf(chat, id)).toEqual([])
    await expect.poll(() => news(heard)).toEqual([['auth:left', 'org:1', 'AUTH_FORBIDDEN']])
  })

  it('rooms that a refresh brings are in its answer, and in no auth:joined', async () => {
    const { enter, table } = await membersOnly()
    const { socket, heard } = await enter('alice')
    table.rooms.set('alice', ['org:1'])
    expect(await socket.emitWithAck('auth:refresh', { token: 'alice' })).toMatchObject({ joined: ['org:1'] })
    await socket.emitWithAck('auth:whoami')
    expect(heard).toEqual([])
  })
})
