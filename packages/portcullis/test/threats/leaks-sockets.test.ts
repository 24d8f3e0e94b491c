/** What others see of a socket: other nodes, an admin page, the store of a recovery, and the client itself before it is admitted. */

import { decode } from '@msgpack/msgpack'
import type { RemoteSocket } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { connecting, gate, keys, next, ORIGIN, onCleanup, outcome, start } from '../harness.ts'
import { connectRedis, lose, nodes, present } from '../server/recovery-fixtures.ts'
import { connectAnswers, heardBy, TRANSPORTS } from './leak-fixtures.ts'

/** As Socket.IO's admin page and its adapters put a socket together. */
const shown = ({
  id,
  handshake,
  rooms,
  data,
}: Pick<RemoteSocket<never, unknown>, 'id' | 'handshake' | 'rooms' | 'data'>) =>
  JSON.stringify({ id, handshake, rooms: [...rooms], data })

describe('L08: of a socket', () => {
  const SHOWN = [
    { auth: { token: 'alice-key' } },
    { extraHeaders: { authorization: 'Bearer alice-key' } },
    { extraHeaders: { cookie: 'theme=dark; key=alice-key', origin: ORIGIN } },
  ]

  it('fetchSockets, socket.data and what an admin page shows hold an identity and a lease, and no credential', async () => {
    const server = await start()
    const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
    for (const options of SHOWN) expect(await outcome(server.client('/chat', options))).toBe(null)
    const all = [...(await chat.fetchSockets()), ...chat.sockets.values()]
    expect(all).toHaveLength(6)
    for (const socket of all) {
      expect(Object.keys(socket.data).sort()).toEqual(['identity', 'lease'])
      expect(Object.keys(socket.data.identity).sort()).toEqual(['claims', 'issuer', 'scheme', 'subject'])
      expect(Object.keys(socket.data.lease).sort()).toEqual(['expiresAt', 'id', 'issuedAt'])
      expect(shown(socket as never)).toContain('alice')
      expect(shown(socket as never)).not.toMatch(/alice-key|session-of/)
    }
  })

  it('so do they on another node, and after a refresh', async () => {
    const { from, to } = await nodes('streams')
    from.records.set('newer', { subject: 'alice', issuedAt: 5 })
    const client = from.client('/chat', SHOWN[2])
    await outcome(client)
    expect(await client.emitWithAck('auth:refresh', { token: 'newer' })).not.toHaveProperty('error')
    const [far] = await to.io.of('/chat').fetchSockets()
    expect(shown(far as never)).toContain('alice')
    expect(shown(far as never)).not.toMatch(/alice-key|newer|session-of/)
  })

  it('the store of a recovery keeps principal, rooms and times', async () => {
    const { from } = await nodes('streams')
    const listener = await present(from, 'alice-key', 'room:acme:a')
    const { _pid } = listener.client as unknown as { _pid: string }
    await lose(from, listener)
    const redis = await connectRedis()
    onCleanup(() => redis.close())
    let kept = ''
    await expect
      .poll(async () => {
        kept = (await redis.keys(`*:session:${_pid}`))[0] ?? ''
        return kept
      })
      .not.toBe('')
    const stored = JSON.stringify(decode(Buffer.from((await redis.get(kept)) ?? '', 'base64')))
    expect(stored).toContain('alice')
    expect(stored).not.toMatch(/alice-key|session-of|chat:read|authorization|cookie|handshake/)
  })
})

describe('L09: before a socket is admitted', () => {
  it.each(TRANSPORTS)('nothing is sent to it but its own answer, over %s', async (transport) => {
    const held = gate()
    const server = await start()
    server.records.set('slow', { subject: 'slow', wait: held.promise })
    const chat = server.auth.protect(server.io.of('/chat'), { events: {}, memberships: () => ['org:acme'] })
    chat.on('connection', (socket) => socket.emit('welcome'))
    const client = server.client('/chat', { auth: { token: 'slow' }, transports: [transport] })
    const heard = heardBy(client)
    await expect.poll(() => connecting(chat)).toBe(1)
    server.io.of('/chat').emit('to all')
    server.io.of('/chat').to('org:acme').emit('to a room')
    server.io
      .of('/chat')
      .to(server.auth.room({ issuer: 'https://issuer.example', subject: 'slow' }))
      .emit('to one')
    expect(await server.io.of('/chat').fetchSockets()).toEqual([])
    expect(heard.map((packet) => packet.split(' ')[0])).toEqual(['open'])
    const welcomed = next(client, 'welcome')
    held.open()
    await welcomed
    expect(heard.slice(1).map((packet) => packet.replace(/\{.*\}/, '{}'))).toEqual([
      'message 0/chat,{}',
      'message 2/chat,["welcome"]',
    ])
  })

  it.each(TRANSPORTS)('a socket that is refused hears one refusal, and no more, over %s', async (transport) => {
    const server = await start()
    const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
    // The application's middleware would greet everybody: it runs for those who were admitted.
    const greeted: string[] = []
    chat.use((socket, done) => {
      greeted.push(socket.data.identity.subject)
      socket.emit('hello')
      done()
    })
    const { heard, refusal } = await connectAnswers(server, '/chat', { token: 'wrong' }, transport)
    expect(refusal?.code).toBe('AUTH_CREDENTIAL_INVALID')
    expect(heard.map((packet) => packet.slice(0, 10))).toEqual([expect.stringMatching(/^open/), 'message 4/'])
    expect(greeted).toEqual([])
    await connectAnswers(server, '/chat', { token: 'alice-key' }, transport)
    expect(greeted).toEqual(['alice'])
  })

  it('says so in SECURITY.md: a middleware that was there before `protect` is the application’s own word', async () => {
    const { readFile } = await import('node:fs/promises')
    const text = await readFile(new URL('../../../../SECURITY.md', import.meta.url), 'utf8')
    expect(text).toContain("**The application's own middlewares** that were registered on a namespace before `protect`")
    const server = await start()
    const greeted = gate()
    server.io.of('/chat').use((_socket, done) => {
      greeted.open()
      done()
    })
    server.auth.protect(server.io.of('/chat'), { events: {} })
    await outcome(server.client('/chat', { auth: { token: 'wrong' } }))
    await greeted.promise
  })

  it('a strategy cannot say anything to the client either: it is shown the request, and no socket', async () => {
    const seen: string[] = []
    const known = keys(new Map([['alice-key', { subject: 'alice' }]]))
    const server = await start({
      strategies: [
        {
          ...known,
          async authenticate(handshake, connect) {
            for (const value of [handshake, connect]) {
              for (const field of Object.values(value ?? {})) if (typeof field === 'function') seen.push(String(field))
              seen.push(...Object.keys(value ?? {}).filter((key) => /socket|emit|request|response/.test(key)))
            }
            return known.authenticate(handshake, connect)
          },
        },
      ],
    })
    server.auth.protect(server.io.of('/chat'), { events: {} })
    expect(await outcome(server.client('/chat', { auth: { token: 'alice-key' } }))).toBe(null)
    expect(seen).toEqual([])
  })
})
