/** Facts: what a server and a client know of a socket that has connected. */

import { expect, it } from 'vitest'
import { connected, SOON, type Stage } from './stage.ts'

export function connecting(stage: Stage): void {
  it('a socket has the same id on both ends', async () => {
    const { a, b } = stage
    for (const node of [a, b]) {
      const client = await stage.connect(node)
      expect(client.id).toMatch(/^[\w-]{20}$/)
      expect(await node.run((_io, id: string, { socket }) => socket(id).connected, client.id)).toBe(true)
      expect([client.connected, client.disconnected]).toEqual([true, false])
    }
  })

  it('the handshake has query, auth, headers, url, address and times', async () => {
    const client = await stage.connect(stage.a, '/facts', {
      query: { page: '7' },
      auth: { lang: 'fr' },
      extraHeaders: { 'x-device': 'phone' },
    })
    const handshake = await stage.a.run((_io, id: string, { socket }) => {
      const { query, auth, headers, url, address, time, issued, xdomain, secure } = socket(id).handshake
      return { query, auth, device: headers['x-device'], url, address, time, issued, xdomain, secure }
    }, client.id)
    expect(handshake).toMatchObject({
      query: { page: '7', EIO: '4', transport: 'websocket' },
      auth: { lang: 'fr' },
      device: 'phone',
      url: expect.stringMatching(/^\/socket\.io\/\?.*page=7/),
      address: '127.0.0.1',
      xdomain: false,
      secure: false,
    })
    expect(Math.abs(handshake.issued - new Date(handshake.time).getTime())).toBeLessThan(1_000)
  })

  it('auth may be a function, and is asked again for each connection', async () => {
    let asked = 0
    const client = await stage.connect(stage.a, '/facts', {
      auth: (give: (auth: object) => void) => {
        asked += 1
        give({ asked })
      },
    })
    const answer = () => stage.a.run((_io, id: string, { socket }) => socket(id).handshake.auth, client.id)
    expect(await answer()).toEqual({ asked: 1 })
    client.disconnect()
    client.connect()
    await connected(client)
    expect(await answer()).toEqual({ asked: 2 })
  })

  it('a socket knows its namespace, its connection, its transport and its request', async () => {
    const client = await stage.connect(stage.a, '/other')
    expect(
      await stage.a.run((io, id: string, { socket }) => {
        const found = socket(id)
        return [
          found.nsp.name,
          found.conn === found.client.conn,
          found.conn.transport.name,
          found.conn.protocol,
          found.request.headers['sec-websocket-version'],
          found.request === found.conn.request,
          io.of('/other').sockets.get(id) === found,
          io.engine.clientsCount > 0,
        ]
      }, client.id),
    ).toEqual(['/other', true, 'websocket', 4, '13', true, true, true])
  })

  it('the connection listener may emit, join and set data at once', async () => {
    await stage.a.run((io) => {
      io.of('/other').once('connection', (socket) => {
        socket.data.name = 'first'
        socket.join('room:here')
        socket.emit('one', 'welcome')
        io.of('/other').to('room:here').emit('two', socket.data.name)
      })
    })
    const heard: unknown[] = []
    const client = stage.client(stage.a, '/other')
    client.onAny((...said) => heard.push(said))
    await connected(client)
    await expect
      .poll(() => heard, SOON)
      .toEqual([
        ['one', 'welcome'],
        ['two', 'first'],
      ])
  })

  it('a client that leaves is forgotten: no socket, no room, no connection', async () => {
    const client = await stage.connect(stage.a, '/other')
    await stage.a.run((_io, id: string, { socket, watch }) => watch('gone', socket(id), 'disconnect'), client.id)
    const { id } = client
    client.disconnect()
    await stage.a.run((_io, _arg, { seen }) => seen.gone)
    expect(
      await stage.a.run((io, gone: string) => {
        const { adapter, sockets } = io.of('/other')
        return [sockets.has(gone), adapter.sids.has(gone), adapter.rooms.has(gone)]
      }, id),
    ).toEqual([false, false, false])
  })
}
