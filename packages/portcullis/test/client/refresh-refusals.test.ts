import { AuthRefusal } from 'portcullis/client'
import { expect, test, vi } from 'vitest'
import { authorized, bodyOf, connected, heard, onCleanup, slowCredential } from './bare-server.ts'
import { leased, leaseServer } from './lease-server.ts'

const WARNING = { expiresAt: 7, expiresInMs: 0 }

test('R07: a refused credential is asked for once more, with the refusal', async () => {
  const subject = await leased(null)
  subject.server.answers.push(bodyOf('AUTH_CREDENTIAL_INVALID'))
  const [denied, refreshed] = [heard(subject.auth, 'denied'), heard(subject.auth, 'refreshed')]
  await expect(subject.auth.refresh()).rejects.toMatchObject({ name: 'AuthRefusal', code: 'AUTH_CREDENTIAL_INVALID' })
  await refreshed
  expect(await denied).toEqual({ ...bodyOf('AUTH_CREDENTIAL_INVALID'), event: 'auth:refresh', willRetry: true })
  expect(subject.credential.mock.calls).toEqual([[null], [bodyOf('AUTH_CREDENTIAL_INVALID')]])
  expect(subject.server.refreshes).toEqual([{ token: 'usual' }, { token: 'new' }])
})

test('R07: the same refusal twice running is terminal, and the connection goes on', async () => {
  const subject = await leased(100)
  subject.server.answers.push(bodyOf('AUTH_REVOKED'), bodyOf('AUTH_REVOKED'))
  const notices: unknown[] = []
  const ended = new Promise((resolve) => {
    subject.auth.on('denied', ({ willRetry }) => notices.push(willRetry) === 2 && resolve(null))
  })
  await subject.clock.advance(90_000)
  await ended
  subject.serverSocket.emit('auth:expiring', WARNING)
  await heard(subject.auth, 'expiring')
  await subject.auth.whoami()
  expect(notices).toEqual([true, false])
  expect([subject.auth.state, subject.clock.pending, subject.server.refreshes.length]).toEqual(['connected', 0, 2])
})

test('R07: AUTH_SUBJECT_CHANGED is never tried again by itself, whatever the server warns of', async () => {
  const subject = await leased(100)
  subject.server.answers.push(bodyOf('AUTH_SUBJECT_CHANGED'))
  const denied = heard(subject.auth, 'denied')
  await subject.clock.advance(90_000)
  expect(await denied).toEqual({ ...bodyOf('AUTH_SUBJECT_CHANGED'), event: 'auth:refresh', willRetry: false })
  subject.serverSocket.emit('auth:expiring', WARNING)
  await heard(subject.auth, 'expiring')
  await subject.clock.advance(600_000)
  await subject.auth.whoami()
  expect([subject.auth.state, subject.clock.pending, subject.server.refreshes.length]).toEqual(['connected', 0, 1])
})

test('a refusal for good takes back what was planned', async () => {
  const subject = await leased(100)
  subject.server.answers.push(bodyOf('AUTH_SUBJECT_CHANGED'))
  await expect(subject.auth.refresh()).rejects.toMatchObject({ code: 'AUTH_SUBJECT_CHANGED' })
  expect(subject.clock.pending).toBe(0)
})

test('after a refusal for good, refresh() may be called by the application', async () => {
  const subject = await leased(null)
  subject.server.answers.push(bodyOf('AUTH_SUBJECT_CHANGED'))
  await expect(subject.auth.refresh()).rejects.toMatchObject({ code: 'AUTH_SUBJECT_CHANGED', retry: 'never' })
  await subject.auth.refresh()
  const refreshed = heard(subject.auth, 'refreshed')
  subject.serverSocket.emit('auth:expiring', WARNING)
  await refreshed
  expect(subject.server.refreshes).toHaveLength(3)
})

test.for(['AUTH_UNAVAILABLE', 'AUTH_RATE_LIMITED'] as const)(
  'R08: %s waits longer each time, and asks with the same reason again',
  async (code) => {
    const subject = await leased(100)
    subject.server.answers.push(bodyOf(code), bodyOf(code), bodyOf(code))
    let denied = heard(subject.auth, 'denied')
    const refreshed = heard(subject.auth, 'refreshed')
    await subject.clock.advance(90_000)
    for (const delayMs of [1_000, 2_000, 4_000]) {
      expect(await denied).toEqual({ ...bodyOf(code), event: 'auth:refresh', willRetry: true })
      denied = heard(subject.auth, 'denied')
      const asked = subject.credential.mock.calls.length
      await subject.clock.advance(delayMs - 1)
      expect([subject.credential.mock.calls.length, subject.clock.pending]).toEqual([asked, 1])
      await subject.clock.advance(1)
      expect(subject.credential).toHaveBeenCalledTimes(asked + 1)
    }
    await refreshed
    expect(subject.credential.mock.calls.map(([refused]) => refused?.message)).toEqual(
      Array.from({ length: 4 }, () => 'The lease ends soon.'),
    )
  },
)

test('a warning during the backoff does not shorten it', async () => {
  const subject = await leased(100)
  subject.server.answers.push(bodyOf('AUTH_RATE_LIMITED'))
  const denied = heard(subject.auth, 'denied')
  await subject.clock.advance(90_000)
  await denied
  subject.serverSocket.emit('auth:expiring', WARNING)
  await heard(subject.auth, 'expiring')
  expect([subject.credential.mock.calls.length, subject.clock.pending]).toEqual([1, 1])
})

test('a backoff that worked starts anew the next time', async () => {
  const subject = await leased(null)
  for (let i = 0; i < 2; i += 1) {
    subject.server.answers.push(bodyOf('AUTH_UNAVAILABLE'))
    await expect(subject.auth.refresh()).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE' })
    const refreshed = heard(subject.auth, 'refreshed')
    await subject.clock.advance(1_000)
    await refreshed
  }
  expect(subject.clock.pending).toBe(0)
})

test('no answer in time is a backoff with the cause', async () => {
  const subject = await leased(null, { replyTimeoutMs: 30 })
  subject.server.answers.push('silence')
  const denied = heard(subject.auth, 'denied')
  await expect(subject.auth.refresh()).rejects.toBeInstanceOf(AuthRefusal)
  expect(await denied).toMatchObject({ code: 'AUTH_UNAVAILABLE', willRetry: true, cause: expect.any(Error) })
  expect(subject.clock.pending).toBe(1)
})

test('a credential that fails is a backoff with the cause, and sends nothing', async () => {
  const subject = await leased(100)
  subject.credential.mockRejectedValueOnce(new Error('offline'))
  const denied = heard(subject.auth, 'denied')
  await subject.clock.advance(90_000)
  const notice = await denied
  expect(notice).toMatchObject({ code: 'AUTH_UNAVAILABLE', event: 'auth:refresh', willRetry: true })
  expect(notice.cause).toMatchObject({ message: 'offline' })
  expect([subject.server.refreshes, subject.clock.pending]).toEqual([[], 1])
  const refreshed = heard(subject.auth, 'refreshed')
  await subject.clock.advance(1_000)
  await refreshed
})

test('refresh() and the server’s warning share one question and one request', async () => {
  const subject = await leased(100)
  const { credential, answers, asked } = slowCredential()
  subject.credential.mockImplementation(credential)
  const question = asked()
  const calls = [subject.auth.refresh(), subject.auth.refresh()]
  subject.serverSocket.emit('auth:expiring', WARNING)
  await heard(subject.auth, 'expiring')
  await question
  await subject.clock.advance(9_000)
  answers[0]?.('token')
  expect(await Promise.all(calls)).toHaveLength(2)
  expect([answers.length, subject.server.refreshes]).toEqual([1, [{ token: 'token' }]])
})

test('a connection that ends during the question sends nothing, and the next shares the answer', async () => {
  const subject = await leased(null)
  const { credential, answers, asked } = slowCredential()
  subject.credential.mockImplementation(credential)
  const question = asked()
  const denied = vi.fn()
  subject.auth.on('denied', denied)
  const outcome = subject.auth.refresh().catch((error: unknown) => error)
  await question
  const { auth } = subject.socket
  const asksAgain = new Promise<void>((resolve) => {
    subject.socket.auth = (send) => {
      if (typeof auth === 'function') auth(send)
      resolve()
    }
  })
  subject.serverSocket.conn.close()
  await asksAgain
  const stands = heard(subject.auth, 'connected')
  answers[0]?.('token')
  await stands
  expect(await outcome).toMatchObject({ code: 'AUTH_UNAVAILABLE' })
  expect([answers.length, subject.server.refreshes]).toEqual([1, []])
  expect(subject.server.presented.at(-1)).toEqual({ token: 'token' })
  expect(denied).not.toHaveBeenCalled()
})

test('a connection that ends before the answer ends the refresh, and nothing of it is left', async () => {
  const subject = await leased(100)
  subject.serverSocket.removeAllListeners('auth:refresh')
  subject.serverSocket.on('auth:refresh', () => subject.serverSocket.disconnect())
  const denied = vi.fn()
  subject.auth.on('denied', denied)
  await expect(subject.auth.refresh()).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE' })
  await subject.clock.advance(0)
  expect([subject.clock.pending, subject.auth.state]).toEqual([0, 'idle'])
  expect(denied).not.toHaveBeenCalled()
})

test('refresh() without a connection asks and sends nothing', async () => {
  const server = await leaseServer(null)
  const credential = vi.fn(() => 'token')
  const { auth, clock, socket } = authorized(server.url, { credential })
  await expect(auth.refresh()).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE', retry: 'backoff' })
  expect(credential).not.toHaveBeenCalled()
  expect([clock.pending, socket.active]).toEqual([0, false])
})

test('stop() from the listener of a refused refresh holds', async () => {
  const subject = await leased(null)
  subject.server.answers.push(bodyOf('AUTH_UNAVAILABLE'))
  subject.auth.on('denied', () => subject.auth.stop())
  await expect(subject.auth.refresh()).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE' })
  expect([subject.clock.pending, subject.socket.connected]).toEqual([0, true])
})

/** A browser until the end of the test, later than the last timer. */
function browser() {
  const events = new EventTarget()
  const navigator = { onLine: true }
  vi.stubGlobal('navigator', navigator)
  vi.stubGlobal('addEventListener', events.addEventListener.bind(events))
  vi.stubGlobal('removeEventListener', events.removeEventListener.bind(events))
  onCleanup(() => vi.unstubAllGlobals())
  return {
    goesOffline() {
      navigator.onLine = false
    },
    comesOnline() {
      navigator.onLine = true
      events.dispatchEvent(new Event('online'))
    },
  }
}

test('a refresh waits, without a timer, until the browser is online again', async () => {
  const { goesOffline, comesOnline } = browser()
  const subject = await leased(100)
  goesOffline()
  await subject.clock.advance(600_000)
  expect([subject.credential.mock.calls, subject.clock.pending]).toEqual([[], 0])
  const refreshed = heard(subject.auth, 'refreshed')
  comesOnline()
  await refreshed
})

test('a warning while the browser is offline leaves no timer', async () => {
  const { goesOffline } = browser()
  const subject = await leased(100)
  goesOffline()
  subject.serverSocket.emit('auth:expiring', WARNING)
  await heard(subject.auth, 'expiring')
  expect([subject.credential.mock.calls, subject.clock.pending]).toEqual([[], 0])
})

test('a connection that ends while the browser is offline forgets the refresh', async () => {
  const { goesOffline, comesOnline } = browser()
  const subject = await leased(100)
  goesOffline()
  await subject.clock.advance(90_000)
  subject.socket.disconnect()
  comesOnline()
  await subject.clock.advance(0)
  expect(subject.credential).not.toHaveBeenCalled()
})

test.for(['yes', {}, { left: [] }])(
  'an answer of another shape is an error that is not tried again: %j',
  async (body) => {
    const subject = await leased(null)
    subject.serverSocket.removeAllListeners('auth:refresh')
    subject.serverSocket.on('auth:refresh', (_payload: unknown, reply: (body: unknown) => void) => reply(body))
    const denied = heard(subject.auth, 'denied')
    await expect(subject.auth.refresh()).rejects.toMatchObject({ code: 'AUTH_ERROR', retry: 'never' })
    expect(await denied).toMatchObject({ willRetry: false })
  },
)

test('a lease that ends during the question is connected again with the answer to it', async () => {
  const subject = await leased(null)
  const { credential, answers, asked } = slowCredential()
  subject.credential.mockImplementation(credential)
  const question = asked()
  subject.serverSocket.emit('auth:expiring', WARNING)
  await question
  const closed = heard(subject.auth, 'closed')
  const next = connected(subject, subject.server.io)
  subject.serverSocket.emit('auth:closed', bodyOf('AUTH_EXPIRED'))
  subject.serverSocket.disconnect()
  await closed
  answers[0]?.('token')
  await next
  expect([answers.length, subject.server.presented.at(-1)]).toEqual([1, { token: 'token' }])
})
