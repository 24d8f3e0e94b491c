import { CODES } from 'portcullis'
import { expect, test, vi } from 'vitest'
import { authorized, bareServer, bodyOf, connected, heard, isQuiet } from './bare-server.ts'

test('a lease that ends is refreshed and connected again, each time anew', async () => {
  const server = await bareServer()
  const credential = vi.fn((refused: unknown) => (refused ? 'new' : 'first'))
  const subject = authorized(server.url, { credential })
  let serverSocket = await connected(subject, server.io)
  for (let round = 0; round < 3; round += 1) {
    await subject.clock.advance(1_000)
    const closed = heard(subject.auth, 'closed')
    const next = connected(subject, server.io)
    serverSocket.emit('auth:closed', bodyOf('AUTH_EXPIRED'))
    serverSocket.disconnect(true)
    expect(await closed).toEqual({ ...bodyOf('AUTH_EXPIRED'), willRetry: true })
    serverSocket = await next
  }
  expect(server.presented.map(({ token }) => token)).toEqual(['first', 'new', 'new', 'new'])
})

test('a connection that is closed at once, twice with one code, is terminal', async () => {
  const server = await bareServer()
  server.io.on('connection', (socket) => {
    socket.emit('auth:closed', bodyOf('AUTH_REVOKED'))
    socket.disconnect()
  })
  const subject = authorized(server.url)
  const ended = new Promise((resolve) => {
    subject.auth.on('closed', ({ willRetry }) => willRetry || resolve(null))
  })
  subject.socket.connect()
  await ended
  expect(isQuiet(subject)).toBe(true)
  expect(server.presented).toHaveLength(2)
})

test('an expired lease whose refresh is refused with the same code is terminal', async () => {
  const server = await bareServer()
  const subject = authorized(server.url)
  const serverSocket = await connected(subject, server.io)
  await subject.clock.advance(60_000)
  server.refusals.push(bodyOf('AUTH_EXPIRED'))
  const refused = heard(subject.auth, 'refused')
  serverSocket.emit('auth:closed', bodyOf('AUTH_EXPIRED'))
  serverSocket.disconnect()
  expect(await refused).toMatchObject({ code: 'AUTH_EXPIRED', willRetry: false })
  expect(isQuiet(subject)).toBe(true)
})

test('closed for good stays closed', async () => {
  const server = await bareServer()
  const subject = authorized(server.url)
  const serverSocket = await connected(subject, server.io)
  serverSocket.emit('auth:closed', bodyOf('AUTH_FORBIDDEN'))
  serverSocket.disconnect()
  expect(await heard(subject.auth, 'closed')).toEqual({ ...bodyOf('AUTH_FORBIDDEN'), willRetry: false })
  expect(isQuiet(subject)).toBe(true)
})

test('closed by a node that cannot prove it is fresh waits for the backoff', async () => {
  const server = await bareServer()
  const subject = authorized(server.url)
  const serverSocket = await connected(subject, server.io)
  serverSocket.emit('auth:closed', bodyOf('AUTH_UNAVAILABLE'))
  serverSocket.disconnect()
  expect(await heard(subject.auth, 'closed')).toMatchObject({ retry: CODES.AUTH_UNAVAILABLE.retry, willRetry: true })
  expect([subject.auth.state, subject.clock.pending]).toEqual(['waiting', 1])
  const stands = heard(subject.auth, 'connected')
  await subject.clock.advance(1_000)
  await stands
})

test('the reason counts also when the connection below ends before the namespace does', async () => {
  const server = await bareServer()
  const subject = authorized(server.url)
  const serverSocket = await connected(subject, server.io)
  const received = new Promise((resolve) => subject.socket.once('auth:closed', resolve))
  serverSocket.emit('auth:closed', bodyOf('AUTH_FORBIDDEN'))
  await received
  const closed = heard(subject.auth, 'closed')
  serverSocket.conn.close()
  expect(await closed).toMatchObject({ code: 'AUTH_FORBIDDEN', willRetry: false })
  await subject.clock.advance(0)
  expect(isQuiet(subject)).toBe(true)
})

test('a disconnection by the server without a reason is left as socket.io leaves it', async () => {
  const server = await bareServer()
  const subject = authorized(server.url)
  const serverSocket = await connected(subject, server.io)
  const closed = vi.fn()
  subject.auth.on('closed', closed)
  const ended = new Promise((resolve) => subject.socket.once('disconnect', resolve))
  serverSocket.disconnect()
  expect(await ended).toBe('io server disconnect')
  expect(closed).not.toHaveBeenCalled()
  expect(isQuiet(subject)).toBe(true)
})

test('socket.disconnect() by the application is not reconnected, even after auth:closed', async () => {
  const server = await bareServer()
  const subject = authorized(server.url)
  const serverSocket = await connected(subject, server.io)
  const received = new Promise((resolve) => subject.socket.once('auth:closed', resolve))
  serverSocket.emit('auth:closed', bodyOf('AUTH_EXPIRED'))
  await received
  subject.socket.disconnect()
  expect(isQuiet(subject)).toBe(true)
})

test('a network that drops is reconnected by socket.io, with the usual credential', async () => {
  const server = await bareServer()
  const credential = vi.fn(() => 'token')
  const subject = authorized(server.url, { credential })
  const serverSocket = await connected(subject, server.io)
  const stands = heard(subject.auth, 'connected')
  serverSocket.conn.close()
  await stands
  expect(subject.states).toEqual(['connecting', 'connected', 'connecting', 'connected'])
  expect(credential.mock.calls).toEqual([[null], [null]])
})

test('a network that drops after a refresh is no second closing, and needs no second refresh', async () => {
  const server = await bareServer()
  const credential = vi.fn(() => 'token')
  const subject = authorized(server.url, { credential })
  const serverSocket = await connected(subject, server.io)
  const refreshed = connected(subject, server.io)
  serverSocket.emit('auth:closed', bodyOf('AUTH_EXPIRED'))
  serverSocket.disconnect()
  await heard(subject.auth, 'closed')
  const closedAgain = vi.fn()
  subject.auth.on('closed', closedAgain)
  const secondSocket = await refreshed
  const stands = heard(subject.auth, 'connected')
  secondSocket.conn.close()
  await stands
  expect(closedAgain).not.toHaveBeenCalled()
  expect(credential.mock.calls).toEqual([[null], [bodyOf('AUTH_EXPIRED')], [null]])
})
