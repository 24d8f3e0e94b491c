import { permit } from 'portcullis'
import type { Socket } from 'socket.io'
import { expect, it } from 'vitest'
import { next, outcome, start } from '../harness.ts'

async function connected(options: { readonly discardRequest?: boolean }) {
  const harness = await start(options)
  const { auth, io, client, records } = harness
  records.set('alice', { subject: 'alice' })
  const chat = auth.protect(io.of('/chat'), { events: { say: () => permit() } as never })
  auth.protect(io.of('/other'), { events: {} as never })
  const seen: (string | undefined)[] = []
  chat.on('connection', (socket: Socket) => {
    seen.push(socket.request.headers['user-agent'])
    socket.on('say', (ack: () => void) => ack())
  })
  const here = next(chat, 'connection')
  const socket = client('/chat', {
    auth: { token: 'alice' },
    extraHeaders: { 'user-agent': 'test', 'x-page': '/start' },
  })
  expect(await outcome(socket)).toBeNull()
  const admitted = (await here)[0] as Socket
  await socket.emitWithAck('say')
  return { ...harness, socket, admitted, seen }
}

it('lets go of the request once the connection listeners have run', async () => {
  const { admitted, seen } = await connected({ discardRequest: true })
  expect(seen).toEqual(['test'])
  expect(admitted.request.headers).toEqual({})
  expect(admitted.request.url).toBe('')
})

it('still says what the request said, and admits to other namespaces of the connection', async () => {
  const { auth, admitted, socket, io } = await connected({ discardRequest: true })
  const other = socket.io.socket('/other', { auth: { token: 'alice' } })
  const there = next(io.of('/other'), 'connection')
  expect(await outcome(other)).toBeNull()
  const later = (await there)[0] as Socket
  for (const one of [admitted, later]) {
    expect(auth.handshakeOf(one)).toMatchObject({ headers: { 'x-page': '/start' }, secure: false })
  }
  expect(later.handshake).toMatchObject({ headers: {}, secure: false })
})

it('keeps the request by default', async () => {
  const { admitted } = await connected({})
  expect(admitted.request.headers['x-page']).toBe('/start')
})

it('"discardRequest" must be true or false', async () => {
  await expect(start({ discardRequest: 1 } as never)).rejects.toThrow('"discardRequest" must be true or false')
})
