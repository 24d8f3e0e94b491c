/** Facts: what Socket.IO answers over HTTP, and what can be set of it. */

import type { Socket } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { HANDSHAKE, ownServer, pollingClient, post } from './own-server.ts'
import { ORIGIN } from './server.mjs'
import { connected, KINDS } from './stage.ts'

describe.each(KINDS)('HTTP, %s', (kind) => {
  it('httpCompression compresses the answers of polling, but not what is sent with compress(false)', async () => {
    const { io, url } = await ownServer(kind)
    const text = 'a'.repeat(50_000)
    const encodingOf = async (send: (socket: Socket) => void) => {
      const { sid, poll, leave } = await pollingClient(url)
      io.of('/facts').once('connection', (socket) => socket.on('one', () => send(socket)))
      await post(url, sid, '40/facts,')
      await (await poll()).text()
      await post(url, sid, '42/facts,["one"]')
      for (;;) {
        const answer = await poll({ 'accept-encoding': 'gzip' })
        if ((await answer.text()).includes(text)) {
          await leave()
          return answer.headers.get('content-encoding')
        }
      }
    }
    expect(await encodingOf((socket) => socket.emit('one', text))).toBe('gzip')
    expect(await encodingOf((socket) => socket.compress(false).emit('one', text))).toBe(null)
  })

  it('cors: a preflight is answered, and every request of an allowed page may be read, with credentials', async () => {
    const { url } = await ownServer(kind, { options: { cors: { origin: ORIGIN, credentials: true } } })
    const preflight = await fetch(`${url}${HANDSHAKE}`, {
      method: 'OPTIONS',
      headers: { origin: ORIGIN, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-own' },
    })
    const readable = { 'access-control-allow-origin': ORIGIN, 'access-control-allow-credentials': 'true' }
    expect(preflight.status).toBe(204)
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      ...readable,
      'access-control-allow-headers': 'x-own',
    })
    const first = await fetch(`${url}${HANDSHAKE}`, { headers: { origin: ORIGIN, cookie: 'some=cookie' } })
    expect(Object.fromEntries(first.headers)).toMatchObject(readable)
    const { sid } = JSON.parse((await first.text()).slice(1))
    const second = await post(url, sid, '40/facts,', { origin: ORIGIN, cookie: 'some=cookie' })
    expect([second.status, Object.fromEntries(second.headers)]).toMatchObject([200, readable])
    await post(url, sid, '1')
  })

  it('cookie: the handshake sets the one that keeps a client on its server', async () => {
    const { url } = await ownServer(kind, { options: { cookie: { name: 'io', path: '/mine', httpOnly: true } } })
    const answer = await fetch(`${url}${HANDSHAKE}`)
    const { sid } = JSON.parse((await answer.text()).slice(1))
    expect(answer.headers.getSetCookie()).toEqual([expect.stringContaining(`io=${sid}; Path=/mine; HttpOnly`)])
    await post(url, sid, '1')
  })

  it('path: only there is Socket.IO, and everything else is the application’s', async () => {
    const { url, client } = await ownServer(kind, { options: { path: '/own/' } })
    await connected(client('/facts', { path: '/own/' }))
    // The application of these tests answers 404, and nothing else.
    const elsewhere = await fetch(`${url}${HANDSHAKE}`)
    expect([elsewhere.status, await elsewhere.text()]).toEqual([404, ''])
  })

  it('serveClient: the client’s own file is there for everybody', async () => {
    const { url } = await ownServer(kind)
    const file = await fetch(`${url}/socket.io/socket.io.min.js`)
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'application/javascript; charset=utf-8'])
    expect(await file.text()).toContain('Socket.IO')
    const { url: without } = await ownServer(kind, { options: { serveClient: false } })
    expect((await fetch(`${without}/socket.io/socket.io.min.js`)).status).not.toBe(200)
  })

  it('allowRequest refuses a handshake with its own words', async () => {
    const { url, client } = await ownServer(kind, {
      options: { allowRequest: (request, answer) => answer('no entry', request.headers['x-entry'] === 'yes') },
    })
    const refused = await fetch(`${url}${HANDSHAKE}`)
    expect([refused.status, await refused.json()]).toEqual([403, { code: 4, message: 'no entry' }])
    await connected(client('/facts', { extraHeaders: { 'x-entry': 'yes' } }))
  })
})
