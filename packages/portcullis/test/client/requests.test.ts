import type { JoinReply, LeaveReply, RefusedReply, WhoamiReply } from 'portcullis'
import { AuthRefusal } from 'portcullis/client'
import { expect, test, vi } from 'vitest'
import { authorized, bareServer, bodyOf, connected, heard } from './bare-server.ts'

const IDENTITY: WhoamiReply = {
  scheme: 'jwt',
  issuer: 'https://issuer.example',
  subject: 'alice',
  issuedAt: 1,
  expiresAt: null,
  serverTime: 2,
  rooms: [],
}

async function pair(options = {}) {
  const server = await bareServer()
  const subject = authorized(server.url, options)
  const serverSocket = await connected(subject, server.io)
  return { ...subject, serverSocket }
}

test('whoami, join and leave resolve with the answer of the server', async () => {
  const { auth, serverSocket } = await pair()
  serverSocket.on('auth:whoami', (reply: (body: WhoamiReply) => void) => reply(IDENTITY))
  serverSocket.on('auth:join', (room: string, reply: (body: JoinReply) => void) =>
    reply({ joined: [room], expiresAt: 9 }),
  )
  serverSocket.on('auth:leave', (room: string, reply: (body: LeaveReply) => void) => reply({ left: [room] }))
  expect(await auth.whoami()).toEqual(IDENTITY)
  expect(await auth.join('org:acme')).toEqual({ joined: ['org:acme'], expiresAt: 9 })
  expect(await auth.leave('org:acme')).toEqual({ left: ['org:acme'] })
})

test('a refused join rejects with the code, the retry and the public message', async () => {
  const { auth, serverSocket } = await pair()
  serverSocket.on('auth:join', (_room: string, reply: (body: RefusedReply) => void) =>
    reply({ error: bodyOf('AUTH_FORBIDDEN') }),
  )
  const error = await auth.join('org:globex').catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(AuthRefusal)
  expect(error).toMatchObject({ name: 'AuthRefusal', ...bodyOf('AUTH_FORBIDDEN') })
  expect(auth.state).toBe('connected')
})

test('no answer in time rejects with AUTH_UNAVAILABLE and the reason as cause', async () => {
  const { auth } = await pair({ replyTimeoutMs: 20 })
  const error = await auth.whoami().catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'AUTH_UNAVAILABLE', retry: 'backoff', cause: expect.any(Error) })
})

test('a connection that ends before the answer rejects with AUTH_UNAVAILABLE', async () => {
  const { auth, serverSocket } = await pair()
  serverSocket.on('auth:leave', () => serverSocket.disconnect())
  await expect(auth.leave('org:acme')).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE' })
})

test.for([undefined, null, 'yes', {}, { error: 'no' }])('an answer of another shape is an error: %j', async (body) => {
  const { auth, serverSocket } = await pair()
  serverSocket.on('auth:join', (_room: string, reply: (body: unknown) => void) => reply(body))
  await expect(auth.join('org:acme')).rejects.toMatchObject({ code: 'AUTH_ERROR', retry: 'never' })
})

test('a request made while connecting waits for the connection', async () => {
  const server = await bareServer()
  server.io.on('connection', (socket) => socket.on('auth:whoami', (reply) => reply(IDENTITY)))
  const { auth, socket } = authorized(server.url)
  socket.connect()
  expect(await auth.whoami()).toEqual(IDENTITY)
})

test('notices of the server arrive as events, and a body that is none does not', async () => {
  const { auth, serverSocket } = await pair()
  const heardOf = vi.fn()
  auth.on('denied', heardOf)
  auth.on('left', heardOf)
  const left = heard(auth, 'left')
  for (const body of [undefined, {}, bodyOf('AUTH_FORBIDDEN')]) {
    serverSocket.emit('auth:denied', body)
    serverSocket.emit('auth:left', body)
  }
  serverSocket.emit('auth:denied', { ...bodyOf('AUTH_FORBIDDEN'), event: 'message:send', extra: 1 })
  serverSocket.emit('auth:left', { ...bodyOf('AUTH_EXPIRED'), room: 'org:acme' })
  await left
  expect(heardOf.mock.calls).toEqual([
    [{ ...bodyOf('AUTH_FORBIDDEN'), event: 'message:send' }],
    [{ ...bodyOf('AUTH_EXPIRED'), room: 'org:acme' }],
  ])
})
