import { expect, test, vi } from 'vitest'
import { authorized, bareServer, bodyOf, connected, heard, isQuiet, slowCredential } from './bare-server.ts'

test('a refresh tells the application what was refused, and connects with the new credential', async () => {
  const server = await bareServer()
  server.refusals.push(bodyOf('AUTH_EXPIRED'))
  const credential = vi.fn((refused: unknown) => (refused ? 'new' : 'old'))
  const subject = authorized(server.url, { credential })
  const refused = heard(subject.auth, 'refused')
  await connected(subject, server.io)
  expect(await refused).toEqual({ ...bodyOf('AUTH_EXPIRED'), willRetry: true })
  expect(credential.mock.calls).toEqual([[null], [bodyOf('AUTH_EXPIRED')]])
  expect(server.presented).toEqual([{ token: 'old' }, { token: 'new' }])
  expect(subject.states).toEqual(['connecting', 'waiting', 'connecting', 'connected'])
  expect(subject.clock.pending).toBe(0)
})

test('the same code twice running is terminal', async () => {
  const server = await bareServer()
  server.refusals.push(bodyOf('AUTH_CREDENTIAL_INVALID'), bodyOf('AUTH_CREDENTIAL_INVALID'))
  const subject = authorized(server.url)
  const notices: boolean[] = []
  const second = new Promise((resolve) => {
    subject.auth.on('refused', ({ willRetry }) => notices.push(willRetry) === 2 && resolve(null))
  })
  subject.socket.connect()
  await second
  expect(notices).toEqual([true, false])
  expect(server.presented).toHaveLength(2)
  expect(isQuiet(subject)).toBe(true)
})

test('after the end, socket.connect() starts anew with a refresh of its own', async () => {
  const server = await bareServer()
  server.refusals.push(...Array.from({ length: 3 }, () => bodyOf('AUTH_CREDENTIAL_MISSING')))
  const subject = authorized(server.url)
  const ended = new Promise((resolve) => {
    subject.auth.on('refused', ({ willRetry }) => willRetry || resolve(null))
  })
  subject.socket.connect()
  await ended
  await connected(subject, server.io)
  expect(server.presented).toHaveLength(4)
})

test('after socket.disconnect() the application starts anew as well', async () => {
  const server = await bareServer()
  server.refusals.push(bodyOf('AUTH_EXPIRED'), bodyOf('AUTH_EXPIRED'))
  const subject = authorized(server.url)
  subject.socket.connect()
  await heard(subject.auth, 'refused')
  subject.socket.disconnect()
  const refused = heard(subject.auth, 'refused')
  await connected(subject, server.io)
  expect(await refused).toMatchObject({ code: 'AUTH_EXPIRED', willRetry: true })
})

test.for(['AUTH_FORBIDDEN', 'AUTH_SUBJECT_CHANGED', 'AUTH_ERROR'] as const)('%s stops at once', async (code) => {
  const server = await bareServer()
  server.refusals.push(bodyOf(code))
  const credential = vi.fn(() => 'token')
  const subject = authorized(server.url, { credential })
  subject.socket.connect()
  expect(await heard(subject.auth, 'refused')).toEqual({ ...bodyOf(code), willRetry: false })
  expect(credential).toHaveBeenCalledTimes(1)
  expect(isQuiet(subject)).toBe(true)
})

test('a backoff waits, then tries again, for as long as it takes', async () => {
  const server = await bareServer()
  server.refusals.push(...Array.from({ length: 6 }, () => bodyOf('AUTH_UNAVAILABLE')))
  const subject = authorized(server.url)
  let refused = heard(subject.auth, 'refused')
  const stands = heard(subject.auth, 'connected')
  subject.socket.connect()
  for (const delayMs of [1_000, 2_000, 4_000, 8_000, 15_000, 15_000]) {
    const attempts = server.presented.length
    await refused
    refused = heard(subject.auth, 'refused')
    await subject.clock.advance(delayMs - 1)
    expect([subject.auth.state, subject.clock.pending, subject.socket.active]).toEqual(['waiting', 1, false])
    expect(server.presented).toHaveLength(attempts + 1)
    await subject.clock.advance(1)
  }
  await stands
  expect(server.presented).toHaveLength(7)
})

test('a refusal by another middleware is left to the application', async () => {
  const server = await bareServer()
  server.io.use((_socket, next) => next(new Error('full')))
  const subject = authorized(server.url)
  const refused = vi.fn()
  subject.auth.on('refused', refused)
  const failed = new Promise<Error>((resolve) => subject.socket.once('connect_error', resolve))
  subject.socket.connect()
  expect((await failed).message).toBe('full')
  expect(refused).not.toHaveBeenCalled()
  expect(isQuiet(subject)).toBe(true)
})

test.for([
  null,
  'AUTH_EXPIRED',
  { code: 'AUTH_EXPIRED', message: 'x', retry: 'always' },
  { code: 7, message: 'x', retry: 'backoff' },
])('a body that is no refusal starts nothing: %j', async (data) => {
  const server = await bareServer()
  server.io.use((_socket, next) => next(Object.assign(new Error('no'), { data })))
  const subject = authorized(server.url)
  const failed = new Promise<Error>((resolve) => subject.socket.once('connect_error', resolve))
  subject.socket.connect()
  await failed
  expect(isQuiet(subject)).toBe(true)
})

/** Two namespaces on one connection: `/open` stands, `/closed` was refused and waits. */
async function neighbours() {
  const server = await bareServer()
  server.guard(server.io.of('/closed'))
  const open = authorized(`${server.url}/open`)
  await connected(open, server.io.of('/open'))
  server.refusals.push(bodyOf('AUTH_UNAVAILABLE'))
  const closed = authorized(open.socket.io.socket('/closed'))
  closed.socket.connect()
  await heard(closed.auth, 'refused')
  return { server, open, closed }
}

test('one namespace waits while another on the same connection goes on', async () => {
  const { server, open, closed } = await neighbours()
  expect([open.auth.state, closed.auth.state]).toEqual(['connected', 'waiting'])
  const stands = heard(closed.auth, 'connected')
  await closed.clock.advance(1_000)
  await stands
  expect(server.handshakes()).toBe(1)
})

test('socket.disconnect() on a namespace that waits ends its wait, and not its neighbour', async () => {
  const { open, closed } = await neighbours()
  closed.socket.disconnect()
  expect([closed.auth.state, closed.clock.pending, open.socket.connected]).toEqual(['idle', 0, true])
})

test('a question begun before disconnect() and connect() on an open connection sends nothing twice', async () => {
  const server = await bareServer()
  const second = server.guard(server.io.of('/second'))
  second.on('connection', (socket) => socket.on('echo', (reply) => reply()))
  const first = authorized(`${server.url}/first`)
  await connected(first, server.io.of('/first'))
  const { credential, answers, asked } = slowCredential()
  const subject = authorized(first.socket.io.socket('/second'), { credential })
  const question = asked()
  subject.socket.connect()
  await question
  subject.socket.disconnect()
  const stands = heard(subject.auth, 'connected')
  subject.socket.connect()
  answers[0]?.('token')
  await stands
  await subject.socket.emitWithAck('echo')
  expect(server.presented).toEqual([{ token: 'token' }])
})
