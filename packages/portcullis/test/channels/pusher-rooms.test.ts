import { pusherRule, pusherSigner } from 'portcullis/channels/pusher'
import type { Socket } from 'socket.io-client'
import { describe, expect, test } from 'vitest'
import { next, outcome, start } from '../harness.ts'
import { KEY, OLD_KEY } from './pusher-fixtures.ts'

const signer = pusherSigner({ keys: [KEY] })
const FORBIDDEN = { error: { code: 'AUTH_FORBIDDEN', message: 'This is not permitted.', retry: 'never' } }
const member = '{"user_id":"7","user_info":{"name":"Ann"}}'

/** Two sockets of one user on a real server, whose rooms are opened by signatures alone. */
async function twoSockets() {
  const server = await start()
  const rule = pusherRule(signer)
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
  return { chat, join, roomsOf, a: await connect(), b: await connect() }
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

test('a signer that is none is refused at once', () => {
  for (const none of [undefined, null, {}]) expect(() => pusherRule(none as never)).toThrow(/"signer"/)
})
