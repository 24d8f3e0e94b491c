import { AuthError, deny, permit, permitIf } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { gate, next, type User } from '../harness.ts'
import { leased, listenTo, refresh, refused, settled } from './lease-fixtures.ts'

const reader = { org: 'acme', scope: 'chat:read' }
const admin = { org: 'acme', scope: 'chat:read admin' }
const isAdmin = (identity: User) => identity.claims.scope.includes('admin')

describe('the connect rule at a refresh', () => {
  it.each(['AUTH_FORBIDDEN', 'AUTH_INSUFFICIENT_SCOPE', 'AUTH_REVOKED', 'AUTH_EXPIRED'] as const)(
    'R07: closes the socket with %s where it denies with that',
    async (code) => {
      const { key, enter, chat, audit } = await leased(
        {},
        { connect: (identity) => (isAdmin(identity) ? permit() : deny(code)) },
      )
      const socket = await enter(key('admin', 60, { claims: admin }))
      const heard = listenTo(socket)
      const gone = next(socket, 'disconnect')
      socket.emit('auth:refresh', { token: key('reader', 600, { claims: reader }) })
      expect((await gone)[0]).toBe('io server disconnect')
      expect(heard).toEqual([['auth:closed', expect.objectContaining({ code })]])
      expect([chat.sockets.size, chat.adapter.sids.size]).toEqual([0, 0])
      expect(audit.at(-1)).toMatchObject({ stage: 'refresh', code })
    },
  )

  it('closes the socket with AUTH_EXPIRED where it permits until a moment that has passed', async () => {
    const { key, enter } = await leased(
      {},
      { connect: (identity) => (isAdmin(identity) ? permit() : permit({ expiresAt: 1 })) },
    )
    const socket = await enter(key('admin', 60, { claims: admin }))
    const closed = next(socket, 'auth:closed')
    socket.emit('auth:refresh', { token: key('reader', 600, { claims: reader }) })
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_EXPIRED' })
  })

  it.each([
    ['throws', () => Promise.reject(new Error('database away')), 'AUTH_ERROR', 'never'],
    ['cannot decide', () => Promise.reject(new AuthError('AUTH_UNAVAILABLE')), 'AUTH_UNAVAILABLE', 'backoff'],
    ['asks to wait', () => deny('AUTH_RATE_LIMITED'), 'AUTH_RATE_LIMITED', 'backoff'],
    ['answers nonsense', () => Promise.resolve(true) as never, 'AUTH_ERROR', 'never'],
  ])('takes nothing away where it %s, and extends nothing', async (_name, answer, code, retry) => {
    const { key, enter, time, begin } = await leased(
      {},
      { connect: (identity) => (isAdmin(identity) ? permit() : (answer() as never)) },
    )
    const socket = await enter(key('admin', 60, { claims: admin }))
    await socket.emitWithAck('auth:join', 'org:acme')
    expect(await refresh(socket, { token: key('reader', 600, { claims: reader }) })).toMatchObject({
      error: { code, retry },
    })
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({
      expiresAt: begin + 60,
      rooms: ['home:acme', 'org:acme'],
    })
    const closed = next(socket, 'auth:closed')
    time.advance(60_000)
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_EXPIRED' })
  })

  it('shortens the lease to what it permits now, and the next one may be longer again', async () => {
    let seconds = 100
    const { key, enter, begin } = await leased({}, { connect: () => permit({ expiresAt: begin + seconds }) })
    const socket = await enter(key('first', 500))
    seconds = 40
    expect(await refresh(socket, { token: 'first' })).toMatchObject({ expiresAt: begin + 40 })
    seconds = 400
    expect(await refresh(socket, { token: 'first' })).toMatchObject({ expiresAt: begin + 400 })
  })
})

describe('memberships at a refresh', () => {
  it.each([
    ['throw', () => Promise.reject(new Error('database away')), 'AUTH_ERROR'],
    ['answer nonsense', () => Promise.resolve('home:acme' as never), 'AUTH_ERROR'],
    ['cannot be told', () => Promise.reject(new AuthError('AUTH_UNAVAILABLE')), 'AUTH_UNAVAILABLE'],
  ])('that %s leave everything as it was', async (_name, answer, code) => {
    const { key, enter, begin } = await leased(
      {},
      { memberships: async (identity) => (isAdmin(identity) ? ['staff'] : answer()) },
    )
    const socket = await enter(key('admin', 60, { claims: admin }))
    expect(await refresh(socket, { token: key('reader', 600, { claims: reader }) })).toEqual(refused(code))
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ expiresAt: begin + 60, rooms: ['staff'] })
  })

  it('a room that is both membership and grant stays until neither permits it', async () => {
    let member = true
    const { key, enter, chat } = await leased(
      {},
      { memberships: async () => (member ? ['open:1'] : []), open: (identity) => permitIf(isAdmin(identity)) },
    )
    const socket = await enter(key('admin', 60, { claims: admin }))
    await socket.emitWithAck('auth:join', 'open:1')
    const rooms = () => [...(chat.sockets.get(socket.id as string)?.rooms ?? [])].filter((room) => room !== socket.id)
    key('reader', 60, { claims: reader })
    expect(await refresh(socket, { token: 'reader' })).toMatchObject({ joined: [], left: [] })
    expect(rooms()).toEqual(['open:1'])
    member = false
    expect(await refresh(socket, { token: 'reader' })).toMatchObject({ joined: [], left: ['open:1'] })
    expect(rooms()).toEqual([])
  })
})

describe('grants at a refresh', () => {
  it('end when their rule says now, be that sooner or later than before', async () => {
    let seconds = 100
    const { key, enter, time, begin } = await leased({}, { open: () => permit({ expiresAt: begin + seconds }) })
    const socket = await enter(key('first', 1_000))
    expect(await socket.emitWithAck('auth:join', 'open:1')).toMatchObject({ expiresAt: begin + 100 })
    seconds = 200
    await refresh(socket, { token: 'first' })
    time.advance(150_000)
    expect((await socket.emitWithAck('auth:whoami')).rooms).toContain('open:1')
    seconds = 160
    await refresh(socket, { token: 'first' })
    const left = next(socket, 'auth:left')
    time.advance(10_000)
    expect((await left)[0]).toMatchObject({ code: 'AUTH_EXPIRED', room: 'open:1' })
  })

  it('whose end is after the lease last as long as the lease does, however often that is extended', async () => {
    const { key, enter, time, begin } = await leased({}, { open: () => permit({ expiresAt: begin + 500 }) })
    const socket = await enter(key('first', 100))
    expect(await socket.emitWithAck('auth:join', 'open:1')).toMatchObject({ expiresAt: begin + 100 })
    await refresh(socket, { token: key('second', 2_000) })
    time.advance(499_000)
    expect((await socket.emitWithAck('auth:whoami')).rooms).toContain('open:1')
    const left = next(socket, 'auth:left')
    time.advance(1_000)
    await left
    expect(socket.connected).toBe(true)
  })

  it.each([
    ['throws', () => Promise.reject(new Error('database away')), 'AUTH_ERROR'],
    ['cannot decide', () => Promise.reject(new AuthError('AUTH_UNAVAILABLE')), 'AUTH_UNAVAILABLE'],
  ])('whose rule %s leave everything as it was', async (_name, answer, code) => {
    const { key, enter, begin } = await leased(
      {},
      { open: (identity, room) => (room === 'open:2' && !isAdmin(identity) ? answer() : permit()) },
    )
    const socket = await enter(key('admin', 60, { claims: admin }))
    await socket.emitWithAck('auth:join', ['open:1', 'open:2'])
    expect(await refresh(socket, { token: key('reader', 600, { claims: reader }) })).toEqual(refused(code))
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({
      expiresAt: begin + 60,
      rooms: ['home:acme', 'open:1', 'open:2'],
    })
  })

  it('that are left while their rule is asked are not held again, whatever it says', async () => {
    const [held, asked] = [gate(), gate()]
    let slow = false
    const { key, enter, chat } = await leased(
      {},
      {
        open: async (_identity, room) => {
          if (slow) {
            asked.open()
            await held.promise
          }
          if (slow && room === 'open:1') throw new AuthError('AUTH_UNAVAILABLE')
          return permit()
        },
      },
    )
    const socket = await enter(key('first', 60))
    await socket.emitWithAck('auth:join', ['open:1', 'open:2'])
    slow = true
    const answer = refresh(socket, { token: 'first' })
    await asked.promise
    expect(await socket.emitWithAck('auth:leave', 'open:1')).toEqual({ left: ['open:1'] })
    held.open()
    expect(await answer).toMatchObject({ joined: [], left: [] })
    expect((await socket.emitWithAck('auth:whoami')).rooms).toEqual(['home:acme', 'open:2'])
    expect(chat.adapter.rooms.has('open:1')).toBe(false)
  })

  it('a room whose rule answers after the client has gone is held by nobody, and leaves no timer', async () => {
    const [held, asked] = [gate(), gate()]
    const { key, enter, chat, time, begin, auth } = await leased(
      {},
      {
        open: async () => {
          asked.open()
          await held.promise
          return permit({ expiresAt: begin + 1_000 })
        },
      },
    )
    const socket = await enter(key('first', null))
    socket.emit('auth:join', 'open:1')
    await asked.promise
    socket.disconnect()
    await expect.poll(() => auth.sockets({ issuer: 'https://issuer.example', subject: 'alice' }).length).toBe(0)
    held.open()
    await expect.poll(() => time.pending()).toBe(0)
    expect(chat.adapter.rooms.size).toBe(0)
  })

  it.each(['before', 'while'] as const)(
    'A26: a room asked for %s the refresh is under way is judged under the new identity',
    async (moment) => {
      const [joinHeld, joinAsked, refreshHeld, refreshAsked] = [gate(), gate(), gate(), gate()]
      const judged: string[] = []
      const { key, enter, chat, handled } = await leased(
        {},
        {
          connect: async (identity) => {
            if (!isAdmin(identity)) {
              refreshAsked.open()
              await refreshHeld.promise
            }
            return permit() as never
          },
          open: async (identity) => {
            judged.push(identity.claims.scope)
            if (moment === 'before' && judged.length === 1) {
              joinAsked.open()
              await joinHeld.promise
            }
            return permitIf(isAdmin(identity))
          },
        },
      )
      const socket = await enter(key('admin', 60, { claims: admin }))
      key('reader', 60, { claims: reader })
      const join = () => socket.emitWithAck('auth:join', 'open:secret')
      let joined: Promise<unknown>
      let refreshed: Promise<unknown>
      if (moment === 'before') {
        joined = join()
        await joinAsked.promise
        refreshed = refresh(socket, { token: 'reader' })
        await refreshAsked.promise
        joinHeld.open()
      } else {
        refreshed = refresh(socket, { token: 'reader' })
        await refreshAsked.promise
        joined = join()
      }
      // Whatever the client sends now stands behind the join; that it has arrived is seen by the handler of another socket.
      const other = await enter(key('other', 60, { claims: admin }))
      await settled(other)
      refreshHeld.open()
      expect(await refreshed).toMatchObject({ joined: [], left: [] })
      expect(await joined).toEqual(refused('AUTH_FORBIDDEN'))
      expect(judged).toEqual(moment === 'before' ? [admin.scope, reader.scope] : [reader.scope])
      expect(chat.adapter.rooms.has('open:secret')).toBe(false)
      expect(handled).toEqual([])
    },
  )
})
