import expressSession from 'express-session'
import { session } from 'portcullis/strategies/session'
import { describe, expect, test } from 'vitest'
import { fakeTime, next, ORIGIN, outcome, start } from '../harness.ts'
import { SECRET, SID, signed } from './session-fixtures.ts'

interface Login {
  user: string
  role: string
}

/** A web application whose sessions a test changes while a socket is connected. */
async function site(leaseSeconds: number) {
  const { clock, advance } = fakeTime()
  const store = new expressSession.MemoryStore()
  const put = (login: Login | null) =>
    new Promise<void>((resolve) =>
      store.set(SID, { cookie: { originalMaxAge: null }, ...(login && { login }) } as never, () => resolve()),
    )
  const strategy = session({
    store: store as never,
    secret: SECRET,
    leaseSeconds,
    clock,
    identify: ({ login }: { login?: Login }) =>
      login ? { subject: login.user, claims: { org: login.role, scope: '' } } : null,
  })
  const server = await start({ strategies: [strategy as never], clock })
  const chat = server.auth.protect(server.io.of('/chat'), {
    events: { ban: ({ identity }) => (identity.claims.org === 'admin' ? permitted : denied) },
  })
  chat.on('connection', (socket) => socket.on('ban', (ack) => ack('banned')))
  const cookie = `connect.sid=${encodeURIComponent(signed(SID))}`
  return {
    ...server,
    put,
    advance,
    connect: () => server.client('/chat', { extraHeaders: { cookie, origin: ORIGIN } }),
  }
}
const permitted = { effect: 'permit', expiresAt: null } as const
const denied = { effect: 'deny', code: 'AUTH_FORBIDDEN' } as const

describe('a session that changes while a socket of it is connected', () => {
  test('S14: never lets the socket become somebody else, and ends it with the lease', async () => {
    const { connect, put, advance } = await site(30)
    await put({ user: 'mallory', role: 'user' })
    const socket = connect()
    expect(await outcome(socket)).toBeNull()
    await put({ user: 'alice', role: 'admin' })
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ subject: 'mallory' })
    expect(await socket.emitWithAck('ban')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    const closed = next(socket, 'auth:closed')
    advance(31_000)
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_EXPIRED', retry: 'refresh' })
    const again = connect()
    expect(await outcome(again)).toBeNull()
    expect(await again.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
  })

  test('S14: a visitor from before the login was never admitted', async () => {
    const { connect, put } = await site(30)
    await put(null)
    expect(await outcome(connect())).not.toBeNull()
  })

  test('S17: a role that was taken away is gone when the lease of 30 s ends, or at once by revoke', async () => {
    const { connect, put, advance, auth } = await site(30)
    await put({ user: 'alice', role: 'admin' })
    const socket = connect()
    await outcome(socket)
    expect(await socket.emitWithAck('ban')).toBe('banned')
    await put({ user: 'alice', role: 'user' })
    const expired = next(socket, 'disconnect')
    advance(31_000)
    await expired
    const second = connect()
    await outcome(second)
    expect(await second.emitWithAck('ban')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    const revoked = next(second, 'auth:closed')
    expect((await auth.revoke({ session: SID })).closed).toBe(1)
    expect((await revoked)[0]).toMatchObject({ code: 'AUTH_REVOKED' })
  })
})
