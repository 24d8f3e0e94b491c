/** What Socket.IO does by itself, which is why none of it is left to itself. Seen on 4.8.4. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io as connectClient } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { next, onCleanup, start } from '../harness.ts'
import { WAIT } from './recovery-fixtures.ts'

async function bare(skipMiddlewares: boolean) {
  const http = createServer()
  const io = new Server(http, { connectionStateRecovery: { skipMiddlewares } })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const client = connectClient(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, {
    transports: ['websocket'],
    reconnection: false,
  })
  onCleanup(async () => {
    client.disconnect()
    await io.close()
  })
  const heard: unknown[] = []
  client.onAny((event) => heard.push(event))
  const [socket] = await new Promise<[import('socket.io').Socket]>((resolve) =>
    io.on('connection', (connected) => resolve([connected])),
  )
  socket.join('room')
  io.emit('hello')
  await expect.poll(() => heard, WAIT).toEqual(['hello'])
  client.io.engine.close()
  await expect.poll(() => io.sockets.sockets.size, WAIT).toBe(0)
  return { io, client, heard, socketId: socket.id }
}

describe('fact 1, without a guard', () => {
  it('skips middlewares for a recovered socket, by default', async () => {
    expect(new Server({ connectionStateRecovery: {} })).toMatchObject({
      opts: { connectionStateRecovery: { skipMiddlewares: true } },
    })
    const { io, client } = await bare(true)
    let asked = 0
    io.use((_socket, pass) => {
      asked += 1
      pass()
    })
    client.connect()
    await next(client, 'connect')
    expect([client.recovered, asked]).toEqual([true, 0])
  })

  it('with skipMiddlewares: false, has written what was missed before the first middleware', async () => {
    const { io, client, heard } = await bare(false)
    io.to('room').emit('secret')
    const writtenBefore: boolean[] = []
    io.use((socket, pass) => {
      // Socket.IO's own mark that it has: rooms are joined and packets written in the constructor.
      writtenBefore.push(socket.recovered && socket.rooms.has('room'))
      pass(new Error('no'))
    })
    const wire: string[] = []
    client.io.on('open', () => client.io.engine.on('data', (data: unknown) => wire.push(String(data))))
    client.connect()
    await next(client, 'connect_error')
    expect(writtenBefore).toEqual([true])
    expect(wire.findIndex((data) => data.includes('secret'))).toBeGreaterThan(-1)
    expect(wire.findIndex((data) => data.includes('secret'))).toBeLessThan(
      wire.findIndex((data) => data.includes('no"')),
    )
    expect(heard).toEqual(['hello'])
  })

  it('restores a room that was left while away', async () => {
    const { io, client, socketId } = await bare(true)
    io.in(socketId).socketsLeave('room')
    client.connect()
    await next(client, 'connect')
    expect(io.sockets.adapter.rooms.get('room')).toEqual(new Set([socketId]))
  })
})

describe('fact 1, guarded', () => {
  it('writes nothing to a connection whose credential is refused, byte for byte', async () => {
    const { io, auth, client } = await start({}, { connectionStateRecovery: {} })
    auth.protect(io.of('/chat'), { events: {}, memberships: () => ['room'] })
    const one = client('/chat', { auth: { token: 'alice-key' } })
    await next(one, 'connect')
    one.on('hello', () => one.io.engine.close())
    io.of('/chat').emit('hello')
    await expect.poll(() => io.of('/chat').sockets.size, WAIT).toBe(0)
    io.of('/chat').to('room').emit('secret')
    await auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })
    const wire: string[] = []
    one.io.on('open', () => one.io.engine.on('data', (data: unknown) => wire.push(String(data))))
    one.connect()
    await next(one, 'connect_error')
    expect(wire.length).toBeGreaterThan(0)
    expect(wire.join()).not.toContain('secret')
  })
})
