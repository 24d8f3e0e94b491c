import type { JoinReply, LeaveReply, RefusedReply } from 'portcullis'
import type { WithAuthOptions } from 'portcullis/client'
import type { ServerOptions, Socket as ServerSocket } from 'socket.io'
import { expect, test, vi } from 'vitest'
import { authorized, bareServer, bodyOf, connected, heard } from './bare-server.ts'

/** A server that lets everybody into every room, until `refuse` says otherwise; `joined` is what was asked for. */
async function withRooms(
  options: Partial<WithAuthOptions> = { rejoin: true },
  serverOptions: Partial<ServerOptions> = {},
) {
  const server = await bareServer(serverOptions)
  const joined: string[] = []
  const refuse = new Map<string, RefusedReply>()
  server.io.on('connection', (socket) => {
    socket.on('auth:join', (room: string, reply: (body: JoinReply | RefusedReply) => void) => {
      joined.push(room)
      reply(refuse.get(room) ?? { joined: [room], expiresAt: null })
    })
    socket.on('auth:leave', (room: string, reply: (body: LeaveReply) => void) => reply({ left: [room] }))
    socket.on('auth:refresh', (_payload, reply) => reply({ expiresAt: null, joined: [], left: ['org:a', 'org:b'] }))
  })
  const subject = authorized(server.url, options)
  const serverSocket = await connected(subject, server.io)
  const reconnect = async (from: ServerSocket): Promise<ServerSocket> => {
    const next = connected(subject, server.io)
    from.conn.close()
    const socket = await next
    // Answered after whatever was asked for when it connected.
    await subject.auth.leave('nothing')
    return socket
  }
  return { ...subject, io: server.io, serverSocket, joined, refuse, reconnect }
}

test('without rejoin, no room is asked for again', async () => {
  const { auth, joined, reconnect, serverSocket } = await withRooms({})
  await auth.join('org:a')
  await reconnect(serverSocket)
  expect(joined).toEqual(['org:a'])
})

test('rejoin asks for the rooms that were granted and not left', async () => {
  const { auth, joined, refuse, reconnect, serverSocket } = await withRooms()
  refuse.set('org:x', { error: bodyOf('AUTH_FORBIDDEN') })
  const told = vi.fn()
  auth.on('left', told)
  for (const room of ['org:a', 'org:b', 'org:c', 'org:a']) await auth.join(room)
  await expect(auth.join('org:x')).rejects.toMatchObject({ code: 'AUTH_FORBIDDEN' })
  await auth.leave('org:b')
  joined.splice(0)
  await reconnect(serverSocket)
  expect(joined).toEqual(['org:a', 'org:c'])
  expect(told).not.toHaveBeenCalled()
})

test('a room that the server took back is not asked for again', async () => {
  const { auth, joined, reconnect, serverSocket } = await withRooms()
  for (const room of ['org:a', 'org:b', 'org:c', 'org:d']) await auth.join(room)
  const left = heard(auth, 'left')
  serverSocket.emit('auth:left', { ...bodyOf('AUTH_EXPIRED'), room: 'org:c' })
  await left
  await auth.refresh()
  joined.splice(0)
  await reconnect(serverSocket)
  expect(joined).toEqual(['org:d'])
})

test('a room that is refused at the next connection is told as left, and asked for again only after a backoff', async () => {
  const { auth, joined, refuse, reconnect, serverSocket } = await withRooms()
  await auth.join('org:a')
  await auth.join('org:b')
  refuse.set('org:a', { error: bodyOf('AUTH_FORBIDDEN') })
  refuse.set('org:b', { error: bodyOf('AUTH_UNAVAILABLE') })
  const told = vi.fn()
  auth.on('left', told)
  const second = await reconnect(serverSocket)
  expect(told.mock.calls).toEqual([
    [{ ...bodyOf('AUTH_FORBIDDEN'), room: 'org:a' }],
    [{ ...bodyOf('AUTH_UNAVAILABLE'), room: 'org:b' }],
  ])
  joined.splice(0)
  await reconnect(second)
  expect(joined).toEqual(['org:b'])
})

test('a connection that the server recovered has its rooms, so none is asked for again', async () => {
  const { auth, io, socket, joined, serverSocket } = await withRooms({ rejoin: true }, { connectionStateRecovery: {} })
  await auth.join('org:a')
  // Only who has received something can say from where on to recover.
  const received = new Promise((resolve) => socket.once('news', resolve))
  io.emit('news')
  await received
  const again = heard(auth, 'connected')
  serverSocket.conn.close()
  expect(await again).toEqual({ recovered: true })
  await auth.leave('nothing')
  expect(joined).toEqual(['org:a'])
})
