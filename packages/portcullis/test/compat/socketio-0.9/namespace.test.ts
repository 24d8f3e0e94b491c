/** Authorization of one namespace, which chains, and refuses with `unauthorized`. */

import type { AuditEvent } from 'portcullis'
import { authorization, legacyServer } from 'portcullis/compat/socketio-0.9'
import { describe, expect, it } from 'vitest'
import { gate, next } from '../../harness.ts'
import { CLIENTS, type Connect, connection, heard, POLLING, run } from './setup.ts'

const connect4 = CLIENTS[0]?.[1] as Connect

describe.each(CLIENTS)('a namespace, with socket.io-client %i', (_version, connect) => {
  it('admits, refuses and fails by its own function, while the others stay open', async () => {
    const server = await run()
    const io = legacyServer(server.io)
    const connected: string[] = []
    const chained = io
      .of('/private')
      .authorization(({ query }, callback) => callback(query.fail, query.key === 'good'))
      .on('connection', (socket) => connected.push(socket.handshake.address.address))
    expect(chained).toBe(io.of('/private'))
    expect(await heard(server.client(connect, '/private'))).toBe('unauthorized')
    expect(await heard(server.client(connect, '/private', { query: { fail: 'Error: db at 10.0.0.1' } }))).toBe(
      'authorization error',
    )
    expect(connected).toEqual([])
    expect(await heard(server.client(connect, '/private', { query: { key: 'good' } }))).toBe('connect')
    expect(connected).toEqual(['127.0.0.1'])
    expect(await heard(server.client(connect, '/'))).toBe('connect')
  })

  it('leaves the connection and the main namespace open where it refuses', async () => {
    const server = await run()
    authorization(server.io.of('/private'), (_data, callback) => callback(null, false))
    server.io.on('connection', (socket) => socket.on('ask', (answer) => answer('still here')))
    const client = server.client(connect)
    await next(client, 'connect')
    const refused = (client.io as unknown as { socket(name: string): typeof client }).socket('/private')
    expect(await heard(refused)).toBe('unauthorized')
    expect(await new Promise((resolve) => client.emit('ask', resolve))).toBe('still here')
  })

  it('sees what the global function added', async () => {
    const server = await run()
    authorization(server.io, (handshakeData, callback) => {
      handshakeData.admin = handshakeData.query.key === 'good'
      callback(null, true)
    })
    authorization(server.io.of('/private'), ({ admin }, callback) => callback(null, admin))
    expect(await heard(server.client(connect, '/private'))).toBe('unauthorized')
    expect(await heard(server.client(connect, '/private', { query: { key: 'good' } }))).toBe('connect')
  })

  it('is guarded as the main namespace too, where 0.9 never asked', async () => {
    const server = await run()
    authorization(server.io.of('/'), (_data, callback) => callback(null, false))
    expect(await heard(server.client(connect))).toBe('unauthorized')
  })

  it('gives its function to every child of a dynamic one, also those that are there already', async () => {
    const server = await run({ cleanupEmptyChildNamespaces: false })
    const parent = server.io.of(/^\/room-\w+$/)
    const before = server.client(connect, '/room-old')
    await next(before, 'connect')
    authorization(parent, ({ query }, callback) => callback(null, query.key === 'good'))
    for (const path of ['/room-old', '/room-new']) {
      expect(await heard(server.client(connect, path))).toBe('unauthorized')
      expect(await heard(server.client(connect, path, { query: { key: 'good' } }))).toBe('connect')
    }
  })

  it('is refused with cookies from the page of a stranger', async () => {
    const server = await run()
    authorization(server.io.of('/private'), (_data, callback) => callback(null, true))
    const extraHeaders = { Origin: 'https://evil.example', Cookie: 'sid=1' }
    const options = { extraHeaders, transports: ['websocket'] }
    expect(await heard(server.client(connect, '/private', options))).toBe('handshake bad origin')
  })
})

describe('a namespace', () => {
  it('of the same pattern as another is refused at start-up: Socket.IO would never ask it', async () => {
    const server = await run()
    server.io.of(/^\/room/)
    expect(() => authorization(server.io.of(/^\/room/), () => {})).toThrow(/"io\.of\(\/\^\\\/room\/\)"/)
  })

  it('takes the last function that it was given', async () => {
    const server = await run()
    authorization(server.io.of('/private'), (_data, callback) => callback(null, true))
    authorization(server.io.of('/private'), (_data, callback) => callback(null, false))
    expect(await heard(server.client(connect4, '/private'))).toBe('unauthorized')
  })

  it('is asked about once at a time by one connection, which is closed when it goes on being refused', async () => {
    const server = await run()
    const { promise, open } = gate()
    let asked = 0
    authorization(server.io.of('/private'), async (_data, callback) => {
      asked += 1
      await promise
      callback(null, false)
    })
    const opened = await server.get(POLLING)
    const { sid } = JSON.parse(opened.body.slice(1)) as { sid: string }
    const body = Array.from({ length: 500 }, () => '40/private,').join('\x1e')
    const answer = await fetch(`${server.url}${POLLING}&sid=${sid}`, { method: 'POST', body })
    expect(answer.status).toBe(200)
    // What is written leaves with the next poll, and the connection after it.
    const refused = await (await fetch(`${server.url}${POLLING}&sid=${sid}`)).text()
    expect(refused.split('44/private,{"message":"unauthorized"}').length).toBeGreaterThan(9)
    await expect.poll(async () => (await fetch(`${server.url}${POLLING}&sid=${sid}`)).status).toBe(400)
    expect(server.io.engine.clientsCount).toBe(0)
    expect(asked).toBe(1)
    open()
  })

  it('names who was admitted by `identify`, and ends the socket when that ends', async () => {
    const server = await run()
    const audit: AuditEvent[] = []
    authorization(
      server.io,
      (handshakeData, callback) => {
        handshakeData.user = { id: 'alice', org: 'acme' }
        callback(null, true)
      },
      {
        audit: (event) => audit.push(event),
        identify({ user }) {
          const { id, org } = user as { id: string; org: string }
          return { subject: id, issuer: 'https://app.example', claims: { org }, expiresAt: Date.now() / 1000 + 0.3 }
        },
      },
    )
    const connected = connection(server.io)
    const client = server.client(connect4)
    const closed = next(client, 'auth:closed')
    const disconnected = next(client, 'disconnect')
    const { data } = await connected
    expect(data.identity).toEqual({
      scheme: 'legacy',
      issuer: 'https://app.example',
      subject: 'alice',
      claims: { org: 'acme' },
    })
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_EXPIRED' })
    expect((await disconnected)[0]).toBe('io server disconnect')
    expect(audit.map(({ stage, address }) => [stage, address])).toEqual([
      ['connect', '127.0.0.1'],
      ['expire', '127.0.0.1'],
    ])
  })

  it('gives everybody a subject of its own by default, the same in all namespaces of a connection', async () => {
    const server = await run()
    authorization(server.io, (_data, callback) => callback(null, true))
    const subjectOf = async (socket: Promise<import('socket.io').Socket>) => (await socket).data.identity.subject
    const main = subjectOf(connection(server.io))
    const other = subjectOf(connection(server.io, '/other'))
    const client = server.client(connect4)
    client.io.socket('/other')
    expect(await main).toMatch(/^connection:[\w-]{22}$/)
    expect(await other).toBe(await main)
    const stranger = subjectOf(connection(server.io))
    server.client(connect4)
    expect(await stranger).not.toBe(await main)
  })

  it.each([
    ['throws', () => Promise.reject(new Error('secret'))],
    ['gives no subject', () => ({ subject: '' })],
    ['gives a number', () => ({ subject: 7 }) as never],
    ['never answers', () => new Promise<null>(() => {})],
  ])('refuses where identify %s', async (_what, identify) => {
    const server = await run()
    const errors: unknown[] = []
    const options = { identify, timeoutMs: 50, onError: (error: unknown) => errors.push(error) }
    authorization(server.io, (_data, callback) => callback(null, true), options)
    expect(await heard(server.client(connect4))).toBe('authorization error')
    expect(errors).toHaveLength(1)
  })
})
