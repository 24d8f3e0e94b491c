import { type AuthOptions, permit, permitIf, type Strategy } from 'portcullis'
import type { WithAuthOptions } from 'portcullis/client'
import type { Socket } from 'socket.io'
import { expect, test, vi } from 'vitest'
import { fakeTime, start, type User } from '../harness.ts'
import { authorized, connected, heard } from './bare-server.ts'

const LIFETIME_SECONDS = 600

/** A server under Portcullis and a client under withAuth, each with a clock of its own. `token` is what is presented. */
async function pair(
  options: Partial<AuthOptions<Strategy<User>>> = {},
  clientOptions: Partial<WithAuthOptions> = {},
  first: string | null = 'first',
) {
  const time = fakeTime()
  const harness = await start({ clock: time.clock, ...options })
  const { records } = harness
  const now = time.seconds()
  records.set('first', { subject: 'alice', expiresAt: now + LIFETIME_SECONDS, issuedAt: now - 1 })
  records.set('second', { subject: 'alice', expiresAt: now + 10 * LIFETIME_SECONDS, issuedAt: now + 1 })
  const chat = harness.auth.protect(harness.io.of('/chat'), {
    events: { echo: () => permit() },
    rooms: { 'org:{org}': ({ identity, params }) => permitIf(identity.claims.org === params.org) },
  })
  chat.on('connection', (socket) => socket.on('echo', (value: unknown, ack: (value: unknown) => void) => ack(value)))
  const credential = vi.fn<WithAuthOptions['credential']>((refused) => (refused ? 'second' : first))
  const subject = authorized(`${harness.url}/chat`, { credential, ...clientOptions })
  return { ...subject, records, server: harness.auth, time, chat, credential, subject }
}

async function standing(...args: Parameters<typeof pair>) {
  const opened = await pair(...args)
  const serverSocket: Socket = await connected(opened.subject, opened.chat)
  await opened.auth.whoami()
  return { ...opened, serverSocket }
}

test('R06: the lease is extended before its end, and the connection outlives it', async () => {
  const { socket, auth, clock, time } = await standing()
  const { id } = socket
  const refreshed = heard(auth, 'refreshed')
  time.advance(540_000)
  await clock.advance(570_000)
  expect(await refreshed).toEqual({ expiresAt: time.seconds() - 540 + 10 * LIFETIME_SECONDS, joined: [], left: [] })
  time.advance(120_000)
  expect(await socket.emitWithAck('echo', 'still here')).toBe('still here')
  expect(socket.id).toBe(id)
})

test('R01: the warning of the server is enough where the clock of the client is late', async () => {
  const { auth, time, clock, credential } = await standing()
  const [expiring, refreshed] = [heard(auth, 'expiring'), heard(auth, 'refreshed')]
  await clock.advance(60_000)
  time.advance(590_000)
  expect((await expiring).expiresInMs).toBeLessThanOrEqual(40_000)
  await refreshed
  expect(credential).toHaveBeenLastCalledWith({
    code: 'AUTH_EXPIRED',
    message: 'The lease ends soon.',
    retry: 'refresh',
  })
})

test('R04: a client that slept past its lease connects again with a new credential', async () => {
  const { socket, auth, chat, time, subject } = await standing({ lease: { expiringMs: 0 } })
  const { id } = socket
  const [closed, next] = [heard(auth, 'closed'), connected(subject, chat)]
  time.advance(LIFETIME_SECONDS * 1000)
  expect(await closed).toMatchObject({ code: 'AUTH_EXPIRED', willRetry: true })
  await next
  expect(socket.id).not.toBe(id)
  expect((await auth.whoami()).expiresAt).toBe(time.seconds() + 9 * LIFETIME_SECONDS)
})

test('R04: within the grace of the server, a client that slept refreshes when it wakes, on the same connection', async () => {
  const { socket, auth, clock, time } = await standing({ lease: { expiringMs: 0, graceMs: 120_000 } })
  const { id } = socket
  time.advance(LIFETIME_SECONDS * 1000 + 30_000)
  clock.set(clock.now() + LIFETIME_SECONDS * 1000)
  expect(await socket.emitWithAck('echo', 'too late')).toMatchObject({ error: { code: 'AUTH_EXPIRED' } })
  const refreshed = heard(auth, 'refreshed')
  await clock.advance(30_000)
  await refreshed
  expect(await socket.emitWithAck('echo', 'again')).toBe('again')
  expect(socket.id).toBe(id)
})

test('S9: where sockets may connect with nothing, the credential is presented afterwards', async () => {
  const opened = await pair({ deferMs: 60_000 }, {}, null)
  const refreshed = heard(opened.auth, 'refreshed')
  const stands = heard(opened.auth, 'connected')
  opened.socket.connect()
  await stands
  await refreshed
  expect(opened.credential.mock.calls.map(([refused]) => refused?.code)).toEqual([undefined, 'AUTH_CREDENTIAL_MISSING'])
  expect((await opened.auth.whoami()).subject).toBe('alice')
})

test('S9: who logs in later calls refresh(), and is somebody from then on', async () => {
  let token: string | null = null
  const { auth, socket } = await pair({ deferMs: 60_000 }, { credential: () => token })
  const ended = new Promise<void>((resolve) => {
    auth.on('denied', ({ willRetry }) => willRetry || resolve())
  })
  socket.connect()
  await ended
  token = 'second'
  await auth.refresh()
  expect(await socket.emitWithAck('echo', 'hello')).toBe('hello')
})

test('R07: the credential of somebody else is not tried again, and the lease ends when it would have', async () => {
  const { auth, clock, records, time } = await standing({ lease: { expiringMs: 0 } })
  records.set('second', { subject: 'bob' })
  const denied = heard(auth, 'denied')
  await clock.advance(570_000)
  expect(await denied).toMatchObject({ code: 'AUTH_SUBJECT_CHANGED', event: 'auth:refresh', willRetry: false })
  expect(await auth.whoami()).toMatchObject({ subject: 'alice' })
  const [closed, stands] = [heard(auth, 'closed'), heard(auth, 'connected')]
  time.advance(LIFETIME_SECONDS * 1000)
  expect(await closed).toMatchObject({ code: 'AUTH_EXPIRED', willRetry: true })
  await stands
  expect(await auth.whoami()).toMatchObject({ subject: 'bob' })
})

test('R16: who is revoked is asked for a new credential once, and stays out with an old one', async () => {
  const { auth, server, credential, socket } = await standing()
  credential.mockReturnValue('first')
  const [closed, refused] = [heard(auth, 'closed'), heard(auth, 'refused')]
  await server.revoke({ issuer: 'https://issuer.example', subject: 'alice' })
  expect(await closed).toMatchObject({ code: 'AUTH_REVOKED', willRetry: true })
  expect(await refused).toMatchObject({ code: 'AUTH_REVOKED', willRetry: false })
  expect([auth.state, socket.active, credential.mock.calls.length]).toEqual(['idle', false, 2])
})

test('rooms that were granted are joined again on the next connection', async () => {
  const { auth, chat, serverSocket, subject } = await standing({}, { rejoin: true })
  await auth.join('org:acme')
  const next = connected(subject, chat)
  serverSocket.conn.close()
  await next
  expect((await auth.whoami()).rooms).toEqual(['org:acme'])
})

test('R01: by the clock on the wall, a lease of two seconds is refreshed in its second half', async () => {
  const { records, url, auth: server, io } = await start()
  server.protect(io.of('/chat'), { events: {} })
  const credential = () => {
    const token = `until ${Date.now()}`
    records.set(token, { subject: 'alice', expiresAt: Date.now() / 1000 + 2 })
    return token
  }
  const subject = authorized(`${url}/chat`, { credential, clock: WALL_CLOCK })
  const refreshed = heard(subject.auth, 'refreshed')
  const stands = heard(subject.auth, 'connected')
  subject.socket.connect()
  await stands
  const { id } = subject.socket
  const since = Date.now()
  await refreshed
  expect(Date.now() - since).toBeGreaterThanOrEqual(900)
  expect([subject.socket.id, subject.socket.connected]).toEqual([id, true])
})

const WALL_CLOCK: NonNullable<WithAuthOptions['clock']> = {
  now: () => Date.now(),
  setTimer(fn, delayMs) {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}
