import { expect, test, vi } from 'vitest'
import { authorized, bodyOf, connected, heard, isQuiet } from './bare-server.ts'
import { leased, leaseServer, SERVER_TIME } from './lease-server.ts'

const ENDING = { code: 'AUTH_EXPIRED', message: 'The lease ends soon.', retry: 'refresh' }

test.for([
  [3600, 0, 3570],
  [3600, 1, 3540],
  [100, 0, 90],
  [100, 1, 80],
  [30, 0, 25],
  [10, 1, 5],
  [4, 1, 2],
  [1, 0, 1],
] as const)(
  'R01: a lease of %d s is refreshed, with jitter %d, after %d s',
  async ([lifetimeSeconds, jitter, afterSeconds]) => {
    const subject = await leased(lifetimeSeconds, { random: () => jitter })
    await subject.clock.advance(afterSeconds * 1000 - 1)
    expect(subject.credential).not.toHaveBeenCalled()
    const refreshed = heard(subject.auth, 'refreshed')
    await subject.clock.advance(1)
    expect(await refreshed).toEqual({ expiresAt: null, joined: ['new'], left: ['old'] })
    expect(subject.credential.mock.calls).toEqual([[ENDING]])
    expect(subject.server.refreshes).toEqual([{ token: 'new' }])
  },
)

test('R06: a refresh keeps the connection, and is followed by the next one', async () => {
  const subject = await leased(100)
  const { id } = subject.socket
  subject.server.answers.push({ lifetimeSeconds: 200 }, { lifetimeSeconds: 60 })
  for (const [afterMs, lifetimeSeconds] of [
    [90_000, 200],
    [180_000, 60],
    [54_000, null],
  ] as const) {
    const refreshed = heard(subject.auth, 'refreshed')
    await subject.clock.advance(afterMs)
    expect((await refreshed).expiresAt).toBe(lifetimeSeconds && SERVER_TIME + lifetimeSeconds)
    await subject.auth.whoami()
  }
  expect([subject.socket.id, subject.auth.state, subject.clock.pending]).toEqual([id, 'connected', 0])
  expect(subject.server.refreshes).toHaveLength(3)
})

test('a lease without end asks once who it is, and sets no timer', async () => {
  const subject = await leased(null)
  expect([subject.server.whoamis(), subject.clock.pending]).toEqual([2, 0])
})

test('R03: a lease of years sets no timer longer than 30 s, and none fires early', async () => {
  const subject = await leased(10 * 365 * 86_400)
  const delays: number[] = []
  const { setTimer } = subject.clock
  subject.clock.setTimer = (fn, delayMs) => {
    delays.push(delayMs)
    return setTimer(fn, delayMs)
  }
  await subject.clock.advance(600_000)
  expect(delays).toEqual(Array.from({ length: 20 }, () => 30_000))
  expect(subject.credential).not.toHaveBeenCalled()
})

test('R04: a computer that slept past the lease refreshes within 30 s, and not after what its timer had left', async () => {
  const subject = await leased(3600)
  await subject.clock.advance(600_000)
  subject.clock.set(subject.clock.now() + 7_200_000)
  const refreshed = heard(subject.auth, 'refreshed')
  await subject.clock.advance(30_000)
  await refreshed
})

test('R04: a sleep shorter than the lease counts towards it', async () => {
  const subject = await leased(3600)
  subject.clock.set(subject.clock.now() + 1_800_000)
  await subject.clock.advance(1_769_999)
  expect(subject.credential).not.toHaveBeenCalled()
  const refreshed = heard(subject.auth, 'refreshed')
  await subject.clock.advance(1)
  await refreshed
})

test('R04: a clock set back by an hour delays no refresh', async () => {
  const subject = await leased(3600)
  await subject.clock.advance(600_000)
  subject.clock.set(subject.clock.now() - 3_600_000)
  const refreshed = heard(subject.auth, 'refreshed')
  await subject.clock.advance(2_970_000)
  await refreshed
})

test('auth:expiring is told, and refreshes at once', async () => {
  const subject = await leased(3600)
  await subject.clock.advance(30_000)
  const refreshed = heard(subject.auth, 'refreshed')
  const expiring = heard(subject.auth, 'expiring')
  subject.serverSocket.emit('auth:expiring', { expiresAt: 7, expiresInMs: 30_000 })
  expect(await expiring).toEqual({ expiresAt: 7, expiresInMs: 30_000 })
  await refreshed
  await subject.auth.whoami()
  expect([subject.clock.pending, subject.server.refreshes.length]).toEqual([0, 1])
})

test('R08: auth:expiring in the first half of a lease does not refresh at once, so that short leases make no storm', async () => {
  const subject = await leased(3600)
  await subject.clock.advance(9_999)
  const expiring = heard(subject.auth, 'expiring')
  subject.serverSocket.emit('auth:expiring', { expiresAt: 7, expiresInMs: 10_000 })
  await expiring
  await subject.clock.advance(4_999)
  expect([subject.credential.mock.calls, subject.clock.pending]).toEqual([[], 1])
  const refreshed = heard(subject.auth, 'refreshed')
  await subject.clock.advance(1)
  await refreshed
})

test.for([null, undefined, 'soon', {}, { expiresInMs: '1' }])('auth:expiring with %j starts nothing', async (body) => {
  const subject = await leased(null)
  const told = vi.fn()
  subject.auth.on('expiring', told)
  subject.serverSocket.emit('auth:expiring', body)
  await subject.auth.whoami()
  expect(told).not.toHaveBeenCalled()
  expect(subject.credential).not.toHaveBeenCalled()
})

test('auth:joined is told, and nothing else that comes by its name', async () => {
  const subject = await leased(null)
  const told = vi.fn()
  subject.auth.on('joined', told)
  for (const body of [null, undefined, {}, { rooms: 'org' }, { rooms: ['org:acme'] }]) {
    subject.serverSocket.emit('auth:joined', body)
  }
  await subject.auth.whoami()
  expect(told.mock.calls).toEqual([[{ rooms: ['org:acme'] }]])
})

test('S9: a server that lets a socket wait for its credential gets it at once', async () => {
  const server = await leaseServer(bodyOf('AUTH_CREDENTIAL_MISSING'))
  const subject = authorized(server.url, { credential: (refused) => (refused ? 'later' : null) })
  const refreshed = heard(subject.auth, 'refreshed')
  const denied = heard(subject.auth, 'denied')
  await connected(subject, server.io)
  await refreshed
  expect([server.presented, server.refreshes]).toEqual([[{}], [{ token: 'later' }]])
  expect(await denied).toEqual({ ...bodyOf('AUTH_CREDENTIAL_MISSING'), event: 'auth:whoami', willRetry: true })
})

test('S9: who has none yet is asked once, and presents it by refresh() later', async () => {
  const server = await leaseServer(bodyOf('AUTH_CREDENTIAL_MISSING'))
  server.answers.push(bodyOf('AUTH_CREDENTIAL_MISSING'))
  let token: string | null = null
  const subject = authorized(server.url, { credential: () => token })
  const ended = new Promise<void>((resolve) => {
    subject.auth.on('denied', ({ willRetry }) => willRetry || resolve())
  })
  await connected(subject, server.io)
  await ended
  expect([server.refreshes, subject.clock.pending, subject.auth.state]).toEqual([[{}], 0, 'connected'])
  token = 'later'
  expect(await subject.auth.refresh()).toMatchObject({ joined: ['new'] })
  expect(server.refreshes).toEqual([{}, { token: 'later' }])
})

test('a helper put on a connection that stands learns its lease', async () => {
  const first = await leased(100)
  first.auth.stop()
  const second = authorized(first.socket)
  await second.auth.whoami()
  expect([second.auth.state, second.clock.pending, first.clock.pending]).toEqual(['connected', 1, 0])
})

test('a disconnection ends the wait, and the next connection learns anew', async () => {
  const subject = await leased(100)
  expect(subject.clock.pending).toBe(1)
  subject.socket.disconnect()
  expect(isQuiet(subject)).toBe(true)
  const whoamis = subject.server.whoamis()
  await connected(subject, subject.server.io)
  await subject.auth.whoami()
  expect([subject.server.whoamis(), subject.clock.pending]).toEqual([whoamis + 2, 1])
})

test('stop() leaves no timer of a lease behind', async () => {
  const subject = await leased(100)
  subject.auth.stop()
  expect([subject.clock.pending, subject.socket.connected]).toEqual([0, true])
  await expect(subject.auth.refresh()).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE' })
})
