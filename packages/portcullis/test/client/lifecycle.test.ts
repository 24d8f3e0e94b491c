import { type WithAuthOptions, withAuth } from 'portcullis/client'
import { io } from 'socket.io-client'
import { expect, test, vi } from 'vitest'
import { authorized, bareServer, bodyOf, connected, heard, isQuiet, slowCredential } from './bare-server.ts'

const EVENTS = [
  'connect',
  'connect_error',
  'disconnect',
  'auth:closed',
  'auth:denied',
  'auth:left',
  'auth:joined',
  'auth:expiring',
] as const

function unconnected() {
  return io('http://127.0.0.1:1', { autoConnect: false, forceNew: true })
}

test('stop() leaves no listener, no timer, and the socket as it was', async () => {
  const server = await bareServer()
  server.refusals.push(bodyOf('AUTH_UNAVAILABLE'))
  const before = { token: 'mine' }
  const subject = authorized(server.url, {}, { auth: before })
  const { socket, auth, clock } = subject
  socket.connect()
  await heard(auth, 'refused')
  expect(clock.pending).toBe(1)
  auth.stop()
  expect(EVENTS.flatMap((event) => socket.listeners(event))).toEqual([])
  expect(socket.auth).toBe(before)
  expect(socket.disconnect).toBe(Object.getPrototypeOf(socket).disconnect)
  expect(isQuiet(subject)).toBe(true)
})

test('stop() leaves a connection alone that stands', async () => {
  const server = await bareServer()
  const subject = authorized(server.url)
  await connected(subject, server.io)
  subject.auth.stop()
  expect(subject.socket.connected).toBe(true)
  expect(subject.clock.pending).toBe(0)
})

test('stop() while the credential is asked for gives the attempt up', async () => {
  const server = await bareServer()
  const { credential, answers, asked } = slowCredential()
  const subject = authorized(server.url, { credential })
  const question = asked()
  subject.socket.connect()
  await question
  subject.auth.stop()
  answers[0]?.('token')
  await subject.clock.advance(0)
  expect(isQuiet(subject)).toBe(true)
  expect(server.presented).toEqual([])
})

test('stop() from a listener of the refusal holds', async () => {
  const server = await bareServer()
  server.refusals.push(bodyOf('AUTH_EXPIRED'))
  const subject = authorized(server.url)
  const stopped = new Promise((resolve) => {
    subject.auth.on('refused', () => {
      subject.auth.stop()
      resolve(null)
    })
  })
  subject.socket.connect()
  await stopped
  await subject.clock.advance(0)
  expect(isQuiet(subject)).toBe(true)
  expect(server.presented).toHaveLength(1)
})

test.for(['disconnect', 'close'] as const)('socket.%s() while it waits ends the wait', async (method) => {
  const server = await bareServer()
  server.refusals.push(bodyOf('AUTH_UNAVAILABLE'))
  const subject = authorized(server.url)
  subject.socket.connect()
  await heard(subject.auth, 'refused')
  subject.socket[method]()
  expect(isQuiet(subject)).toBe(true)
  await connected(subject, server.io)
  expect(server.presented).toHaveLength(2)
})

test('socket.connect() while it waits connects at once, and only once', async () => {
  const server = await bareServer()
  server.refusals.push(bodyOf('AUTH_UNAVAILABLE'))
  const subject = authorized(server.url)
  subject.socket.connect()
  await heard(subject.auth, 'refused')
  await connected(subject, server.io)
  expect(subject.clock.pending).toBe(0)
  expect(server.presented).toHaveLength(2)
})

test('a listener that was taken off hears nothing, and the others do', async () => {
  const server = await bareServer()
  const subject = authorized(server.url)
  const fn = vi.fn()
  const off = subject.auth.on('connected', fn)
  subject.auth.on('connected', fn)
  off()
  off()
  await connected(subject, server.io)
  expect(fn.mock.calls).toEqual([[{ recovered: false }]])
})

test('a retry waits until the browser is online again', async () => {
  const server = await bareServer()
  server.refusals.push(bodyOf('AUTH_UNAVAILABLE'))
  const browser = new EventTarget()
  vi.stubGlobal('navigator', { onLine: false })
  vi.stubGlobal('addEventListener', browser.addEventListener.bind(browser))
  vi.stubGlobal('removeEventListener', browser.removeEventListener.bind(browser))
  try {
    const subject = authorized(server.url)
    subject.socket.connect()
    await heard(subject.auth, 'refused')
    await subject.clock.advance(60_000)
    expect([subject.auth.state, server.presented.length]).toEqual(['waiting', 1])
    const stands = heard(subject.auth, 'connected')
    browser.dispatchEvent(new Event('online'))
    await stands
  } finally {
    vi.unstubAllGlobals()
  }
})

test('socket.disconnect() while offline forgets the online event', async () => {
  const server = await bareServer()
  server.refusals.push(bodyOf('AUTH_EXPIRED'))
  const browser = new EventTarget()
  vi.stubGlobal('navigator', { onLine: false })
  vi.stubGlobal('addEventListener', browser.addEventListener.bind(browser))
  vi.stubGlobal('removeEventListener', browser.removeEventListener.bind(browser))
  try {
    const credential = vi.fn(() => 'token')
    const subject = authorized(server.url, { credential })
    subject.socket.connect()
    await heard(subject.auth, 'refused')
    subject.socket.disconnect()
    browser.dispatchEvent(new Event('online'))
    await subject.clock.advance(0)
    expect(isQuiet(subject)).toBe(true)
    expect(credential).toHaveBeenCalledTimes(1)
  } finally {
    vi.unstubAllGlobals()
  }
})

test('a second helper on one socket is a TypeError until the first is stopped', () => {
  const socket = unconnected()
  const options: WithAuthOptions = { credential: () => null }
  const first = withAuth(socket, options)
  expect(() => withAuth(socket, options)).toThrow(new TypeError('"socket" already has withAuth; call its stop() first'))
  first.stop()
  withAuth(socket, options).stop()
})

test.for([
  ['credential', 'token'],
  ['credentialTimeoutMs', 0],
  ['credentialTimeoutMs', Number.NaN],
  ['replyTimeoutMs', 2 ** 31],
  ['rejoin', 'no'],
] as const)('a bad "%s" is a TypeError that quotes it: %j', ([option, value]) => {
  const options = { credential: () => null, [option]: value } as unknown as WithAuthOptions
  expect(() => withAuth(unconnected(), options)).toThrow(new RegExp(`^"${option}" must be`))
})
