import { expect, test, vi } from 'vitest'
import { authorized, bareServer, bodyOf, connected, heard, isQuiet } from './bare-server.ts'

test('a refused handshake is refreshed once, and the credential asked for is the one presented', async () => {
  const server = await bareServer()
  server.doorRefusals.push(bodyOf('AUTH_EXPIRED'))
  const credential = vi.fn(() => 'new')
  const subject = authorized(server.url, { credential })
  await connected(subject, server.io)
  expect(credential.mock.calls).toEqual([[bodyOf('AUTH_EXPIRED')]])
  expect(server.presented).toEqual([{ token: 'new' }])
  expect(server.handshakes()).toBe(2)
})

test('a handshake refused twice with one code is terminal, and socket.io stops retrying', async () => {
  const server = await bareServer()
  server.doorRefusals.push(bodyOf('AUTH_CREDENTIAL_INVALID'), bodyOf('AUTH_CREDENTIAL_INVALID'))
  const subject = authorized(server.url)
  const ended = new Promise((resolve) => {
    subject.auth.on('refused', ({ willRetry }) => willRetry || resolve(null))
  })
  subject.socket.connect()
  await ended
  expect(isQuiet(subject)).toBe(true)
  expect(server.handshakes()).toBe(2)
})

test('a handshake refused for good stops socket.io from retrying for ever', async () => {
  const server = await bareServer()
  server.doorRefusals.push(bodyOf('AUTH_ORIGIN_REFUSED'))
  const subject = authorized(server.url)
  subject.socket.connect()
  expect(await heard(subject.auth, 'refused')).toEqual({ ...bodyOf('AUTH_ORIGIN_REFUSED'), willRetry: false })
  await subject.clock.advance(0)
  expect(isQuiet(subject)).toBe(true)
  expect(server.handshakes()).toBe(1)
})

test('an unavailable server is tried again after the backoff, not after the delay of socket.io', async () => {
  const server = await bareServer()
  server.doorRefusals.push(bodyOf('AUTH_UNAVAILABLE'), bodyOf('AUTH_RATE_LIMITED'))
  const subject = authorized(server.url)
  let refused = heard(subject.auth, 'refused')
  const stands = heard(subject.auth, 'connected')
  subject.socket.connect()
  for (const delayMs of [1_000, 2_000]) {
    await refused
    refused = heard(subject.auth, 'refused')
    await subject.clock.advance(delayMs - 1)
    expect([subject.socket.active, subject.socket.io._reconnecting, subject.auth.state]).toEqual([
      false,
      false,
      'waiting',
    ])
    await subject.clock.advance(1)
  }
  await stands
  expect(server.handshakes()).toBe(3)
})

test('a refusal while socket.io reconnects takes over without leaving a reconnection behind', async () => {
  const server = await bareServer()
  const subject = authorized(server.url)
  const serverSocket = await connected(subject, server.io)
  server.doorRefusals.push(bodyOf('AUTH_EXPIRED'), bodyOf('AUTH_FORBIDDEN'))
  const ended = new Promise((resolve) => {
    subject.auth.on('refused', ({ willRetry }) => willRetry || resolve(null))
  })
  serverSocket.conn.close()
  await ended
  await subject.clock.advance(0)
  expect(isQuiet(subject)).toBe(true)
  await connected(subject, server.io)
  expect(server.handshakes()).toBe(4)
})

test('a failure of the network is left to socket.io', async () => {
  const server = await bareServer()
  const subject = authorized(server.url, {}, { path: '/nothing-here' })
  const refused = vi.fn()
  subject.auth.on('refused', refused)
  const failed = new Promise<Error>((resolve) => subject.socket.once('connect_error', resolve))
  subject.socket.connect()
  await failed
  expect(refused).not.toHaveBeenCalled()
  expect([subject.auth.state, subject.socket.active, subject.clock.pending]).toEqual(['connecting', true, 0])
})

test('a WebSocket handshake hides its refusal, and socket.io goes on', async () => {
  const server = await bareServer()
  server.doorRefusals.push(bodyOf('AUTH_FORBIDDEN'))
  const subject = authorized(server.url, {}, { transports: ['websocket'] })
  await connected(subject, server.io)
  expect(server.handshakes()).toBe(2)
})

test('with tryAllTransports a refused WebSocket falls back to polling, which shows the refusal', async () => {
  const server = await bareServer()
  server.doorRefusals.push(bodyOf('AUTH_FORBIDDEN'), bodyOf('AUTH_FORBIDDEN'))
  const subject = authorized(server.url, {}, { transports: ['websocket', 'polling'], tryAllTransports: true })
  subject.socket.connect()
  expect(await heard(subject.auth, 'refused')).toMatchObject({ code: 'AUTH_FORBIDDEN', willRetry: false })
  expect(isQuiet(subject)).toBe(true)
})

test('sockets that share a connection each act on the refused handshake', async () => {
  const server = await bareServer()
  server.doorRefusals.push(bodyOf('AUTH_EXPIRED'))
  const first = authorized(server.url)
  const second = authorized(first.socket.io.socket('/second'))
  server.io.of('/second')
  const both = Promise.all([heard(first.auth, 'connected'), heard(second.auth, 'connected')])
  first.socket.connect()
  second.socket.connect()
  await both
  expect(server.handshakes()).toBe(2)
})

test('a network that fails after a refresh earns another, and the credential is asked for again', async () => {
  const server = await bareServer()
  server.doorRefusals.push(bodyOf('AUTH_EXPIRED'), 'cut', bodyOf('AUTH_EXPIRED'), 'cut')
  let asked = 0
  const subject = authorized(server.url, { credential: () => `token ${++asked}` })
  await connected(subject, server.io)
  expect(server.handshakes()).toBe(5)
  expect(server.presented).toEqual([{ token: 'token 3' }])
})

test('after socket.disconnect() nothing is left to cure', async () => {
  const server = await bareServer()
  server.doorRefusals.push(bodyOf('AUTH_EXPIRED'))
  const credential = vi.fn(() => 'token')
  const subject = authorized(server.url, { credential })
  subject.socket.connect()
  await heard(subject.auth, 'refused')
  subject.socket.disconnect()
  await connected(subject, server.io)
  expect(credential.mock.calls).toEqual([[bodyOf('AUTH_EXPIRED')], [null]])
})
