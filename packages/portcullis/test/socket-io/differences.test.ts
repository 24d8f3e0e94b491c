/** What is not as on a bare server, and is meant so: the table of docs/socket-io.md. */

import { describe, expect, it } from 'vitest'
import { ownServer, pollingClient, post } from './own-server.ts'
import { connected, next, SOON } from './stage.ts'

const FORBIDDEN = { code: 'AUTH_FORBIDDEN', message: 'This is not permitted.', retry: 'never' }
const WEBSOCKET = { transports: ['websocket'] }

/** The same is done on a bare server and on a guarded one. */
async function both<T>(act: (kind: 'bare' | 'guarded') => Promise<T>): Promise<readonly [T, T]> {
  return [await act('bare'), await act('guarded')]
}

describe('what a guard changes', () => {
  it('an event without a rule reaches no listener, and is answered with a refusal', async () => {
    const [bare, guarded] = await both(async (kind) => {
      const { io, client } = await ownServer(kind)
      const heard: unknown[] = []
      io.of('/facts').on('connection', (socket) => {
        socket.onAny((event) => heard.push(event))
        socket.on('unruled', (answer) => answer('done'))
      })
      const socket = client('/facts', WEBSOCKET)
      await connected(socket)
      return [await socket.emitWithAck('unruled'), heard]
    })
    expect(bare).toEqual(['done', ['unruled']])
    expect(guarded).toEqual([{ error: FORBIDDEN }, []])
  })

  it('nor does one whose name is a number, which no rule can have', async () => {
    const [bare, guarded] = await both(async (kind) => {
      const { io, client } = await ownServer(kind)
      io.of('/facts').on('connection', (socket) =>
        socket.on(7 as never, (answer: (text: string) => void) => answer('7')),
      )
      const socket = client('/facts', WEBSOCKET)
      await connected(socket)
      return socket.emitWithAck(7 as never)
    })
    expect([bare, guarded]).toEqual(['7', { error: FORBIDDEN }])
  })

  it('names that begin with "auth:" are the guard’s, and no listener’s', async () => {
    const [bare, guarded] = await both(async (kind) => {
      const { io, client } = await ownServer(kind)
      io.of('/facts').on('connection', (socket) => socket.on('auth:whoami', (answer) => answer('mine')))
      const socket = client('/facts', WEBSOCKET)
      await connected(socket)
      return socket.emitWithAck('auth:whoami')
    })
    expect(bare).toBe('mine')
    expect(guarded).toMatchObject({ scheme: 'anonymous', rooms: [] })
  })

  it('a namespace without a policy admits nobody', async () => {
    const [bare, guarded] = await both(async (kind) => {
      const { client } = await ownServer(kind, { before: (io) => void io.of('/open') })
      const socket = client('/open', WEBSOCKET)
      return connected(socket).then(
        () => 'connected',
        (error) => error.data,
      )
    })
    expect([bare, guarded]).toEqual(['connected', FORBIDDEN])
  })

  it('a page that is not listed cannot connect, by WebSocket neither', async () => {
    const [bare, guarded] = await both(async (kind) => {
      const { client } = await ownServer(kind)
      const socket = client('/facts', { ...WEBSOCKET, extraHeaders: { origin: 'https://evil.example' } })
      return connected(socket).then(
        () => 'connected',
        (error) => error.message,
      )
    })
    expect([bare, guarded]).toEqual(['connected', 'websocket error'])
  })

  it('socket.data says who it is, here and in fetchSockets', async () => {
    const [bare, guarded] = await both(async (kind) => {
      const { io, client } = await ownServer(kind)
      await connected(client('/facts', { ...WEBSOCKET, auth: { user: 'alice' } }))
      const [found] = await io.of('/facts').fetchSockets()
      return found?.data
    })
    expect(bare).toEqual({})
    expect(guarded).toEqual({
      identity: { scheme: 'named', issuer: 'facts', subject: 'alice', claims: {} },
      lease: { id: 'alice', issuedAt: expect.any(Number), expiresAt: null },
    })
  })

  it('what a strategy reads is not in socket.handshake, everything else is', async () => {
    const [bare, guarded] = await both(async (kind) => {
      const { io, client } = await ownServer(kind)
      await connected(client('/facts', { ...WEBSOCKET, auth: { user: 'alice', lang: 'fr' } }))
      return [...io.of('/facts').sockets.values()][0]?.handshake.auth
    })
    expect(bare).toEqual({ user: 'alice', lang: 'fr' })
    expect(guarded).toEqual({ lang: 'fr' })
  })

  it('the events of a socket wait for a rule that takes its time, in their order', async () => {
    const { io, client } = await ownServer('guarded by slow rules')
    const order: string[] = []
    io.of('/facts').on('connection', (socket) => {
      socket.on('one', () => order.push('one'))
      socket.on('ask', (answer) => answer(order))
    })
    const socket = client('/facts', WEBSOCKET)
    await connected(socket)
    socket.emit('one')
    // Not in the tick in which it arrives, as on a bare server, but before everything that was said after it.
    expect(await socket.emitWithAck('ask')).toEqual(['one'])
  })

  it('one connection asks for a namespace once at a time', async () => {
    const [bare, guarded] = await both(async (kind) => {
      const { io, url } = await ownServer(kind)
      const { sid, poll, leave } = await pollingClient(url)
      // Both in one request, so that the second is there before the first has been answered.
      await post(url, sid, '40/facts,\x1e40/facts,')
      let told = ''
      while (told.split('/facts,').length < 3) told += await (await poll()).text()
      const { size } = io.of('/facts').sockets
      await leave()
      return [size, told]
    })
    expect(bare[0]).toBe(2)
    expect(guarded).toEqual([1, expect.stringContaining('"code":"AUTH_RATE_LIMITED"')])
  })

  it('connection state recovery runs every middleware, and gives a visitor who comes back a new socket', async () => {
    const [bare, guarded] = await both(async (kind) => {
      const asked: boolean[] = []
      const { io, client } = await ownServer(kind, {
        options: { connectionStateRecovery: {} },
        after: (io) =>
          void io.of('/facts').use((socket, pass) => {
            asked.push(socket.recovered)
            pass()
          }),
      })
      const socket = client('/facts', WEBSOCKET)
      await connected(socket)
      const heard = next(socket, 'one')
      io.of('/facts').emit('one')
      await heard
      socket.io.engine.close()
      await expect.poll(() => io.of('/facts').sockets.size, SOON).toBe(0)
      socket.connect()
      await connected(socket)
      return [asked, socket.recovered ?? false]
    })
    expect(bare).toEqual([[false], true])
    expect(guarded).toEqual([[false, false], false])
  })
})
