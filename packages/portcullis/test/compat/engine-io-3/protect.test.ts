/** Clients of Socket.IO 2 behind `allowEIO3` are refused, admitted and ended as those of today. */

import { describe, expect, it } from 'vitest'
import { type KeyRecord, next, ORIGIN } from '../../harness.ts'
import { also, ask, CLIENTS, FROM, io2, keysFrom, outcome, run, TRANSPORTS } from './setup.ts'

const matrix = CLIENTS.flatMap(([version, io]) => TRANSPORTS.map((transport) => ({ version, io, transport })))
const withCookie = (cookie: string, transport: string) => {
  const extraHeaders = { Cookie: `key=${cookie}`, Origin: ORIGIN }
  return { transports: [transport], extraHeaders, transportOptions: { polling: { extraHeaders } } }
}

describe.each(matrix)('socket.io-client $version over $transport', ({ version, io, transport }) => {
  const byQuery = (token: string) => ({ transports: [transport], query: { token } })

  it.each(['/', '/chat'])('is admitted to %s by a credential in the query or in a cookie', async (path) => {
    const server = await run()
    expect(await outcome(server.connect(io, path, byQuery('alice-key')))).toBeNull()
    expect(await outcome(server.connect(io, path, withCookie('alice-key', transport)))).toBeNull()
  })

  it('hears of a refused handshake by its HTTP answer, AUTH_CREDENTIAL_INVALID, and gets no socket', async () => {
    const server = await run()
    const refused = await outcome(server.connect(io, '/', byQuery('nobody')))
    expect(refused?.message).toBe(transport === 'polling' ? 'xhr poll error' : 'websocket error')
    expect(refused?.description).toBe(transport === 'polling' ? 401 : 'Unexpected server response: 401')
    const protocol = version === 2 ? 3 : 4
    const answer = await server.get(`/socket.io/?EIO=${protocol}&transport=polling&token=nobody`)
    expect(answer.status).toBe(401)
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID', retry: 'refresh' })
    expect(server.io.engine.clientsCount).toBe(0)
  })

  it('hears a refused namespace with its code, AUTH_CREDENTIAL_MISSING, and no listener runs', async () => {
    const server = await run()
    const connected: unknown[] = []
    for (const name of ['/', '/chat']) server.io.of(name).on('connection', (socket) => connected.push(socket))
    for (const path of ['/', '/chat']) {
      expect(await outcome(server.connect(io, path, { transports: [transport] }))).toEqual({
        code: 'AUTH_CREDENTIAL_MISSING',
        message: 'No credential was presented.',
        retry: 'refresh',
      })
    }
    expect(connected).toEqual([])
  })

  it('hears AUTH_FORBIDDEN of a namespace that nobody protects', async () => {
    const server = await run()
    server.io.of('/open')
    const refused = await outcome(server.connect(io, '/open', byQuery('alice-key')))
    // Socket.IO 2 connects to "/" first; the refusal is that of "/open" for all that.
    if (version > 2) expect(refused).toMatchObject({ code: 'AUTH_FORBIDDEN', retry: 'never' })
    expect(server.io.of('/open').sockets.size).toBe(0)
  })

  it('may send what a rule permits, and is told what it denies', async () => {
    const server = await run()
    for (const [key, answer] of [
      ['alice-key', ['said', 'x']],
      ['bob-key', { error: expect.objectContaining({ code: 'AUTH_FORBIDDEN' }) }],
    ] as const) {
      const socket = server.connect(io, '/chat', byQuery(key))
      await outcome(socket)
      expect(await ask(socket, 'say', 'x')).toEqual(answer)
      expect(await ask(socket, 'unknown')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    }
  })

  it('joins rooms by asking, hears what is sent there, and is refused others', async () => {
    const server = await run()
    const socket = server.connect(io, '/chat', byQuery('alice-key'))
    await outcome(socket)
    const heard: unknown[] = []
    socket.on('news', (text) => heard.push(text))
    server.io.of('/chat').to('org:acme').emit('news', 'before')
    expect(await ask(socket, 'auth:join', ['org:acme'])).not.toHaveProperty('error')
    expect(JSON.stringify(await ask(socket, 'auth:join', ['org:globex']))).toContain('AUTH_FORBIDDEN')
    server.io.of('/chat').to('org:acme').emit('news', 'after')
    server.io.of('/chat').to('org:globex').emit('news', 'of others')
    expect(await ask(socket, 'auth:whoami')).toMatchObject({ subject: 'alice', rooms: ['org:acme'] })
    expect(heard).toEqual(['after'])
  })

  it('is told AUTH_EXPIRED when its lease ends, and disconnected', async () => {
    const server = await run()
    server.records.set('short-key', { subject: 'alice', expiresAt: Date.now() / 1000 + 1 })
    const socket = server.connect(io, '/chat', byQuery('short-key'))
    const closed = next(socket, 'auth:closed')
    const disconnected = next(socket, 'disconnect')
    expect(await outcome(socket)).toBeNull()
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_EXPIRED', retry: 'refresh' })
    expect((await disconnected)[0]).toBe('io server disconnect')
    expect(server.io.of('/chat').sockets.size).toBe(0)
  })

  it('is told AUTH_REVOKED, disconnected, and refused afterwards', async () => {
    const server = await run()
    const socket = server.connect(io, '/chat', byQuery('alice-key'))
    const other = server.connect(io, '/chat', byQuery('bob-key'))
    expect([await outcome(socket), await outcome(other)]).toEqual([null, null])
    const closed = next(socket, 'auth:closed')
    const disconnected = next(socket, 'disconnect')
    await server.auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_REVOKED' })
    expect((await disconnected)[0]).toBe('io server disconnect')
    expect(other.connected).toBe(true)
    expect((await outcome(server.connect(io, '/chat', byQuery('alice-key'))))?.message).toMatch(/error$/)
  })

  it('refreshes its lease in place', async () => {
    const server = await run()
    const expiresAt = Date.now() / 1000 + 3600
    server.records.set('longer-key', { subject: 'alice', expiresAt })
    const socket = server.connect(io, '/chat', byQuery('alice-key'))
    await outcome(socket)
    expect(await ask(socket, 'auth:refresh', { token: 'longer-key' })).toMatchObject({ expiresAt })
    expect(JSON.stringify(await ask(socket, 'auth:refresh', { token: 'bob-key' }))).toContain('AUTH_SUBJECT_CHANGED')
  })
})

describe('a client of Socket.IO 2', () => {
  it('has a credential in the query of a namespace: it is `auth` there, and no URL has it', async () => {
    const server = await run()
    const urls: unknown[] = []
    server.io.engine.on('connection', ({ request }: { request: { url: string } }) => urls.push(request.url))
    const main = server.connect(io2, '/', { transports: ['websocket'] })
    const chat = also(main, '/chat', { query: { token: 'alice-key' } })
    await next(chat, 'connect')
    expect(urls).toEqual(['/socket.io/?EIO=3&transport=websocket'])
    const [socket] = server.io.of('/chat').sockets.values()
    expect(socket?.data.identity).toMatchObject({ subject: 'alice' })
    expect(socket?.handshake.auth).toEqual({})
  })

  it('leaves no credential in its handshake, where the query of the connection comes once more as `auth`', async () => {
    const server = await run({}, { from: [FROM.query] })
    const socket = server.connect(io2, '/chat', { transports: ['websocket'], query: { token: 'alice-key', page: '1' } })
    await next(socket, 'connect')
    const [admitted] = server.io.of('/chat').sockets.values()
    expect(admitted?.handshake.auth).toEqual({ page: '1' })
    expect(JSON.stringify(admitted?.handshake)).not.toContain('alice-key')
  })

  it('is not counted as failing where it did not ask for the main namespace, which Socket.IO joins for it', async () => {
    const server = await run({ limits: { failuresPerMinute: 3 } }, { main: false })
    for (let visitor = 0; visitor < 6; visitor += 1) {
      const socket = server.connect(io2, '/chat', { transports: ['websocket'], query: { token: 'alice-key' } })
      await next(socket, 'connect')
      socket.disconnect()
    }
    expect(server.audit.filter(({ code }) => code === 'AUTH_FORBIDDEN')).toHaveLength(6)
    expect(server.audit.filter(({ code }) => code === 'AUTH_RATE_LIMITED')).toEqual([])
  })

  it('is counted as failing where it asks again for a namespace that refuses it', async () => {
    const server = await run({ limits: { failuresPerMinute: 3 } }, { main: false })
    for (const path of ['/chat', '/chat', '/chat', '/chat']) {
      await outcome(server.connect(io2, path, { transports: ['websocket'] }))
    }
    await expect.poll(() => server.audit.some(({ code }) => code === 'AUTH_RATE_LIMITED')).toBe(true)
  })

  it('hears the refusal of the main namespace on all its sockets, which is no refusal of theirs', async () => {
    const server = await run({}, { main: false })
    const socket = server.connect(io2, '/chat', { query: { token: 'alice-key' } })
    const errors = next(socket as never, 'error')
    await next(socket, 'connect')
    expect((await errors)[0]).toMatchObject({ code: 'AUTH_FORBIDDEN' })
    expect(await ask(socket, 'say', 'x')).toEqual(['said', 'x'])
  })

  it('does not come back by itself once its authority has ended', async () => {
    const server = await run()
    const socket = server.connect(io2, '/chat', {
      query: { token: 'alice-key' },
      reconnection: true,
      reconnectionDelay: 1,
      reconnectionDelayMax: 1,
    })
    await next(socket, 'connect')
    const disconnected = next(socket, 'disconnect')
    await server.auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })
    await disconnected
    await expect.poll(() => server.io.engine.clientsCount).toBe(0)
    expect((socket.io as unknown as { skipReconnect: boolean }).skipReconnect).toBe(true)
  })

  it('uses a credential that counts once up in the handshake, where the query is read as `auth` as well', async () => {
    for (const [from, admitted] of [
      [[FROM.query], true],
      [[FROM.query, FROM.auth], false],
      [[FROM.auth], true],
    ] as const) {
      const records = new Map<string, KeyRecord>([['ticket', { subject: 'alice' }]])
      const keys = keysFrom(records, [...from])
      const once: typeof keys = {
        ...keys,
        async authenticate(handshake, connect) {
          const authentication = await keys.authenticate(handshake, connect)
          if (authentication !== null) records.delete('ticket')
          return authentication
        },
      }
      const server = await run({ strategies: [once] })
      const socket = server.connect(io2, '/chat', { query: { token: 'ticket' } })
      // The refusal of "/", which shows nothing, is heard by all sockets.
      const decided = () =>
        server.audit.filter(({ stage, namespace }) => stage === 'connect' && namespace === '/chat').map((e) => e.effect)
      await expect.poll(decided).toEqual([admitted ? 'permit' : 'deny'])
      socket.disconnect()
    }
  })

  it.each(['/chat', '/open/../chat', '//evil.example/chat', '/x/./../chat'])(
    'meets the same policy however it spells the namespace: %s',
    async (path) => {
      const server = await run()
      const main = server.connect(io2, '/', { transports: ['websocket'] })
      const spelled = also(main, `${path}?token=nobody`)
      void spelled
      await expect
        .poll(() => server.audit.filter(({ namespace }) => namespace === '/chat').map(({ code }) => code))
        .toEqual(['AUTH_CREDENTIAL_INVALID'])
      expect(server.io.of('/chat').sockets.size).toBe(0)
    },
  )

  it('whose session id another follows is protected by the credential that opened it', async () => {
    const server = await run()
    const opened = await server.get('/socket.io/?EIO=3&transport=polling&token=alice-key')
    const sid = /"sid":"([^"]+)"/.exec(opened.body)?.[1]
    const path = `/socket.io/?EIO=3&transport=polling&sid=${sid}`
    const stolen = await server.get(path)
    expect(stolen.status).toBe(403)
    expect((await server.get(`${path}&token=bob-key`)).status).toBe(403)
    expect((await server.get(`${path}&token=alice-key`)).status).toBe(200)
  })

  it('that connects twice to one namespace at once holds one socket, which a revocation ends', async () => {
    const server = await run()
    const opened = await server.get('/socket.io/?EIO=3&transport=polling&token=alice-key')
    const sid = /"sid":"([^"]+)"/.exec(opened.body)?.[1]
    const path = `${server.url}/socket.io/?EIO=3&transport=polling&token=alice-key&sid=${sid}`
    const packet = '40/chat?token=alice-key,'
    const body = Array.from({ length: 20 }, () => `${packet.length}:${packet}`).join('')
    await fetch(path, { method: 'POST', body, headers: { 'Content-Type': 'text/plain' } })
    await expect.poll(() => server.audit.filter((event) => event.effect === 'permit').length).toBeGreaterThan(1)
    await server.auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })
    for (const name of ['/', '/chat']) {
      for (const socket of server.io.of(name).sockets.values()) expect(socket.connected).toBe(false)
    }
    expect(server.errors).toEqual([])
  })
})

describe('a server without allowEIO3', () => {
  it('refuses clients of Socket.IO 2 with 400, before any credential is looked at', async () => {
    const server = await run()
    const strict = server.io.engine as unknown as { opts: { allowEIO3: boolean } }
    strict.opts.allowEIO3 = false
    const refused = await outcome(server.connect(io2, '/', { query: { token: 'alice-key' } }))
    expect(refused?.message).toBe('xhr poll error')
    expect(server.io.engine.clientsCount).toBe(0)
  })
})
