import { pusherRule, pusherSigner } from 'portcullis/channels/pusher'
import { fakeClock } from 'portcullis/testing'
import type { Socket } from 'socket.io-client'
import { describe, expect, test } from 'vitest'
import { next, outcome, start } from '../harness.ts'
import { KEY, OLD_KEY } from './pusher-fixtures.ts'

const signer = pusherSigner({ keys: [KEY] })
const FORBIDDEN = { error: { code: 'AUTH_FORBIDDEN', message: 'This is not permitted.', retry: 'never' } }
const member = '{"user_id":"7","user_info":{"name":"Ann"}}'

/** Two sockets of one user on a real server, whose rooms are opened by signatures alone. */
async function twoSockets(trusted = signer) {
  const server = await start()
  const rule = pusherRule(trusted)
  const chat = server.auth.protect(server.io.of('/chat'), {
    events: {},
    rooms: { 'private-{name}': rule, 'presence-{name}': rule },
  })
  const connect = async (): Promise<Socket> => {
    const socket = server.client('/chat', { auth: { token: 'alice-key' } })
    expect(await outcome(socket)).toBe(null)
    return socket
  }
  const join = (socket: Socket, room: string, presented?: unknown): Promise<unknown> =>
    socket.emitWithAck('auth:join', room, ...(presented === undefined ? [] : [presented]))
  const roomsOf = (socket: Socket): readonly string[] =>
    [...(chat.sockets.get(socket.id as string)?.rooms ?? [])].filter((room) => room !== socket.id)
  return { chat, join, roomsOf, auth: server.auth, records: server.records, a: await connect(), b: await connect() }
}

describe('a room that is opened by a signature', () => {
  test('is joined by the socket it was signed for, which then hears what is sent there', async () => {
    const { chat, join, a } = await twoSockets()
    const joined = await join(a, 'private-orders', signer.signChannel(a.id as string, 'private-orders'))
    expect(joined).toEqual({ joined: ['private-orders'], expiresAt: null })
    const heard = next(a, 'news')
    chat.to('private-orders').emit('news', 1)
    expect(await heard).toEqual([1])
    expect(await join(a, 'presence-room', signer.signChannel(a.id as string, 'presence-room', member))).toEqual({
      joined: ['presence-room'],
      expiresAt: null,
    })
  })

  test('U04: of socket A is refused to socket B', async () => {
    const { join, roomsOf, a, b } = await twoSockets()
    expect(await join(b, 'private-orders', signer.signChannel(a.id as string, 'private-orders'))).toEqual(FORBIDDEN)
    expect(roomsOf(b)).toEqual([])
  })

  test('U05: of another channel, or in another case, is refused', async () => {
    const { join, roomsOf, a } = await twoSockets()
    const signed = signer.signChannel(a.id as string, 'private-orders')
    for (const room of ['private-order', 'private-Orders', 'private-orders2', 'presence-orders']) {
      expect(await join(a, room, signed)).toEqual(FORBIDDEN)
    }
    expect(await join(a, ['private-orders', 'private-other'] as never, signed)).toEqual(FORBIDDEN)
    expect(roomsOf(a)).toEqual([])
  })

  test('U06, U08: with other channel_data, or with the signature of a user, is refused', async () => {
    const { join, roomsOf, a } = await twoSockets()
    const id = a.id as string
    const { auth } = signer.signChannel(id, 'presence-room', member)
    const others = [undefined, null, '', {}, JSON.parse(member), `${member} `, member.replace('7', '8'), [member]]
    for (const channel_data of others) expect(await join(a, 'presence-room', { auth, channel_data })).toEqual(FORBIDDEN)
    const user = signer.signUser(id, { id: '7' })
    expect(await join(a, 'private-orders', { auth: user.auth, channel_data: user.user_data })).toEqual(FORBIDDEN)
    expect(roomsOf(a)).toEqual([])
  })

  test('U10, U14: with anything else, or with a removed key, is refused and the server lives', async () => {
    const { join, roomsOf, a } = await twoSockets()
    const removed = pusherSigner({ keys: [OLD_KEY] }).signChannel(a.id as string, 'private-orders')
    const { auth } = signer.signChannel(a.id as string, 'private-orders')
    const others = [
      undefined,
      null,
      1,
      'x',
      auth,
      [],
      [auth],
      {},
      { auth: null },
      { auth: [auth] },
      { auth: '' },
      removed,
    ]
    for (const presented of others) expect(await join(a, 'private-orders', presented)).toEqual(FORBIDDEN)
    expect(roomsOf(a)).toEqual([])
    expect(await join(a, 'private-orders', { auth })).toMatchObject({ joined: ['private-orders'] })
  })
})

describe('U12: a signature that comes again', () => {
  const reconnected = async (socket: Socket, disconnect: () => Promise<unknown> | unknown) => {
    const before = socket.id
    const gone = socket.connected ? next(socket, 'disconnect') : null
    await disconnect()
    await gone
    socket.connect()
    expect(await outcome(socket)).toBeNull()
    expect(socket.id).not.toBe(before)
  }

  test('after a reconnect is refused: the socket has a new id', async () => {
    const { join, roomsOf, a } = await twoSockets()
    const signed = signer.signChannel(a.id as string, 'private-orders')
    expect(await join(a, 'private-orders', signed)).toMatchObject({ joined: ['private-orders'] })
    await reconnected(a, () => a.disconnect())
    expect(await join(a, 'private-orders', signed)).toEqual(FORBIDDEN)
    expect(roomsOf(a)).toEqual([])
  })

  test('after a revocation is refused: who may come back comes back with a new id', async () => {
    const { join, auth, records, a } = await twoSockets()
    const signed = signer.signChannel(a.id as string, 'private-orders')
    await join(a, 'private-orders', signed)
    await reconnected(a, async () => {
      await auth.revoke({ session: 'session-of-alice' })
      records.set('alice-key', { subject: 'alice', issuedAt: Date.now() / 1000 })
    })
    expect(await join(a, 'private-orders', signed)).toEqual(FORBIDDEN)
  })

  test('after leaving holds as long as the socket, an hour later too, where it has no end', async () => {
    const clock = fakeClock()
    const { join, roomsOf, a } = await twoSockets(pusherSigner({ keys: [KEY], clock }))
    const signed = signer.signChannel(a.id as string, 'private-orders')
    await join(a, 'private-orders', signed)
    await a.emitWithAck('auth:leave', 'private-orders')
    expect(roomsOf(a)).toEqual([])
    await clock.advance(3_600_000)
    expect(await join(a, 'private-orders', signed)).toMatchObject({ joined: ['private-orders'] })
  })

  test('after leaving is refused once it has ended; who has joined with it stays', async () => {
    const clock = fakeClock()
    const expiring = pusherSigner({ keys: [KEY], clock, ttlSeconds: 60, requireExpiry: true })
    const { join, roomsOf, a, b } = await twoSockets(expiring)
    const signed = expiring.signChannel(a.id as string, 'private-orders')
    expect(await join(a, 'private-orders', signed)).toEqual({ joined: ['private-orders'], expiresAt: null })
    expect(await join(b, 'private-orders', signed)).toEqual(FORBIDDEN)
    await clock.advance(60_000)
    expect(roomsOf(a)).toEqual(['private-orders'])
    await a.emitWithAck('auth:leave', 'private-orders')
    expect(await join(a, 'private-orders', signed)).toEqual(FORBIDDEN)
    expect(await join(a, 'private-orders', signer.signChannel(a.id as string, 'private-orders'))).toEqual(FORBIDDEN)
  })
})

test('a signer that is none is refused at once', () => {
  for (const none of [undefined, null, {}]) expect(() => pusherRule(none as never)).toThrow(/"signer"/)
})
