import { expect, test, vi } from 'vitest'
import { authorized, bareServer, bodyOf, connected, heard, isQuiet, slowCredential } from './bare-server.ts'

test.for([
  ['a string as { token }', 'abc', { token: 'abc' }],
  ['an object as it is', { ticket: 't', device: 7 }, { ticket: 't', device: 7 }],
  ['null as an empty payload', null, {}],
] as const)('presents %s', async ([, credential, payload]) => {
  const server = await bareServer()
  await connected(authorized(server.url, { credential: () => credential }), server.io)
  expect(server.presented).toEqual([payload])
})

test('a credential that comes as a promise connects', async () => {
  const server = await bareServer()
  await connected(authorized(server.url, { credential: async () => 'later' }), server.io)
  expect(server.presented).toEqual([{ token: 'later' }])
})

test('asks anew at each connection, with null when nothing was refused', async () => {
  const server = await bareServer()
  const credential = vi.fn(() => 'token')
  const subject = authorized(server.url, { credential })
  const serverSocket = await connected(subject, server.io)
  const again = heard(subject.auth, 'connected')
  serverSocket.conn.close()
  await again
  expect(credential.mock.calls).toEqual([[null], [null]])
})

test.for([
  ['rejects', () => Promise.reject(new Error('offline'))],
  [
    'throws',
    () => {
      throw new Error('offline')
    },
  ],
] as const)('a credential that %s is a backoff with the cause, and nothing is sent', async ([, credential]) => {
  const server = await bareServer()
  const subject = authorized(server.url, { credential })
  subject.socket.connect()
  const refused = await heard(subject.auth, 'refused')
  expect(refused).toMatchObject({ code: 'AUTH_UNAVAILABLE', retry: 'backoff', willRetry: true })
  expect(refused.cause).toMatchObject({ message: 'offline' })
  expect(server.presented).toEqual([])
  expect(subject.auth.state).toBe('waiting')
  expect(subject.clock.pending).toBe(1)
})

test('a credential that failed is asked for again after the backoff', async () => {
  const server = await bareServer()
  const credential = vi.fn(async () => 'token').mockRejectedValueOnce(new Error('offline'))
  const subject = authorized(server.url, { credential })
  subject.socket.connect()
  await heard(subject.auth, 'refused')
  const stands = heard(subject.auth, 'connected')
  await subject.clock.advance(999)
  expect(credential).toHaveBeenCalledTimes(1)
  await subject.clock.advance(1)
  await stands
  expect(credential).toHaveBeenCalledTimes(2)
})

test('a credential that takes too long is a backoff, and its late answer is not sent', async () => {
  const server = await bareServer()
  const { credential, answers, asked } = slowCredential()
  const subject = authorized(server.url, { credential, credentialTimeoutMs: 3_000 })
  const question = asked()
  subject.socket.connect()
  await question
  const refused = heard(subject.auth, 'refused')
  await subject.clock.advance(3_000)
  expect((await refused).cause).toMatchObject({ message: 'no credential within 3000 ms' })
  answers[0]?.('late')
  await subject.clock.advance(0)
  expect(server.presented).toEqual([])
})

test('questions that overlap are one question, and one CONNECT is sent', async () => {
  const server = await bareServer()
  const { credential, answers, asked } = slowCredential()
  const subject = authorized(server.url, { credential })
  const question = asked()
  subject.socket.connect()
  await question
  const { auth } = subject.socket
  const reopened = new Promise<void>((resolve) => {
    subject.socket.auth = (send) => {
      if (typeof auth === 'function') auth(send)
      resolve()
    }
  })
  subject.socket.disconnect()
  subject.socket.connect()
  await reopened
  const stands = heard(subject.auth, 'connected')
  answers[0]?.('token')
  await stands
  expect(answers).toHaveLength(1)
  expect(server.presented).toEqual([{ token: 'token' }])
  expect(server.io.sockets.sockets.size).toBe(1)
})

test.for([
  ['before the next is open', 'reconnect_attempt'],
  ['after the next is open', 'open'],
] as const)('an answer for a connection that is gone, %s, is sent once', async ([, moment]) => {
  const server = await bareServer()
  server.io.on('connection', (socket) => socket.on('echo', (reply) => reply()))
  const { credential, answers, asked } = slowCredential()
  const subject = authorized(server.url, { credential })
  const engine = new Promise<{ close(): void }>((resolve) => server.io.engine.once('connection', resolve))
  const question = asked()
  subject.socket.connect()
  await question
  const later = new Promise<void>((resolve) => subject.socket.io.once(moment, () => setImmediate(resolve)))
  ;(await engine).close()
  await later
  const stands = heard(subject.auth, 'connected')
  const secondQuestion = asked()
  answers[0]?.('token')
  await Promise.race([stands, secondQuestion])
  answers[1]?.('token')
  await stands
  await subject.socket.emitWithAck('echo')
  expect(server.presented).toEqual([{ token: 'token' }])
})

test.for([
  ['an answer', (): string => 'token'],
  ['a failure', (): Promise<string> => Promise.reject(new Error('offline'))],
] as const)('socket.disconnect() during the question ends it, whether %s follows', async ([, outcome]) => {
  const server = await bareServer()
  const { credential, answers, asked } = slowCredential()
  const subject = authorized(server.url, { credential })
  const question = asked()
  subject.socket.connect()
  await question
  subject.socket.disconnect()
  answers[0]?.(outcome())
  await subject.clock.advance(0)
  expect(isQuiet(subject)).toBe(true)
  expect(server.presented).toEqual([])
})

test.for([
  ['an answer', (): string => 'token'],
  ['a failure', (): Promise<string> => Promise.reject(new Error('offline'))],
] as const)('socket.disconnect() during the question of a refresh ends it, whether %s follows', async ([, outcome]) => {
  const server = await bareServer()
  server.doorRefusals.push(bodyOf('AUTH_EXPIRED'))
  const { credential, answers, asked } = slowCredential()
  const subject = authorized(server.url, { credential })
  const question = asked()
  subject.socket.connect()
  await question
  expect(subject.auth.state).toBe('waiting')
  subject.socket.disconnect()
  answers[0]?.(outcome())
  await subject.clock.advance(0)
  expect(isQuiet(subject)).toBe(true)
  expect(server.handshakes()).toBe(1)
})
