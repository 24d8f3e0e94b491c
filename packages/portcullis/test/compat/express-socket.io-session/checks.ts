/** What a facade of express-socket.io-session must do, as checks that wrong facades must fail. */

import type { sharedsession as Sharedsession } from 'portcullis/compat/express-socket.io-session'
import { expect, vi } from 'vitest'
import { connect, disconnected, handshakeOf, outcome, sessionOf, startWebApp, type WebApp } from './web-app.ts'

export type Facade = typeof Sharedsession
type Check = (facade: Facade) => Promise<void>

/** Long enough for whatever would still be written. */
const SOON = { timeout: 10_000, interval: 10 }

async function start(facade: Facade, more: object = {}): Promise<WebApp> {
  const web = await startWebApp()
  web.io.use(facade(web.session, { autoSave: true, ...more }))
  web.io.on('connection', (socket) => {
    const { handshake } = { handshake: handshakeOf(socket) }
    socket.on('count', (done: () => void) => {
      handshake.session.count = Number(handshake.session.count ?? 0) + 1
      done()
    })
    socket.on('count later', async (done: () => void) => {
      await new Promise((resolve) => setImmediate(resolve))
      handshake.session.count = 10
      done()
    })
    socket.on('read', (done: (session: unknown) => void) => done(handshake.session))
  })
  return web
}

async function admitted(web: WebApp, cookie: string) {
  const client = connect(web.url, 4, { cookie })
  expect(await outcome(client)).toBeNull()
  const ask = (event: string) => new Promise<unknown>((resolve) => client.emit(event, resolve))
  return { client, ask, socket: web.socketOf(client) }
}

export const checks: Readonly<Record<string, Check>> = {
  async 'gives the socket the session of the page, and writes nothing'(facade) {
    const web = await start(facade)
    const { cookie } = await web.visit('/admin')
    web.store.written.length = 0
    const { socket } = await admitted(web, cookie)
    expect(handshakeOf(socket)).toMatchObject({
      sessionID: sessionOf(cookie).id,
      session: { user: { name: 'ann', role: 'admin' } },
    })
    expect(web.store.written).toEqual([])
  },
  async 'takes no session from a cookie with a forged signature'(facade) {
    const web = await start(facade)
    const { cookie } = await web.visit('/admin')
    const { socket } = await admitted(web, `connect.sid=s:${sessionOf(cookie).id}.forged`)
    expect(handshakeOf(socket).session.user).toBeUndefined()
  },
  async 'refuses the connection when the store fails'(facade) {
    const web = await start(facade)
    const { cookie } = await web.visit('/admin')
    vi.spyOn(web.store, 'get').mockImplementation((_id, done) =>
      done(new Error('ECONNREFUSED mysql://root:hunter2@db')),
    )
    expect(await outcome(connect(web.url, 4, { cookie }))).toBe('Session unavailable')
  },
  async 'saves what a handler changes, also after an await'(facade) {
    const web = await start(facade)
    const { cookie } = await web.visit('/admin')
    const { ask } = await admitted(web, cookie)
    const { id } = sessionOf(cookie)
    await ask('count')
    await vi.waitFor(async () => expect(await web.stored(id)).toMatchObject({ count: 1 }), SOON)
    await ask('count later')
    await vi.waitFor(async () => expect(await web.stored(id)).toMatchObject({ count: 10 }), SOON)
  },
  async 'does not bring back a session that was logged out'(facade) {
    const web = await start(facade)
    const { cookie } = await web.visit('/admin')
    const { ask, socket } = await admitted(web, cookie)
    await web.visit('/logout', cookie)
    await ask('count')
    await new Promise((resolve) => handshakeOf(socket).session.save(resolve))
    expect(await web.stored(sessionOf(cookie).id)).toBeNull()
  },
  async 'does not restore a role that was taken over HTTP'(facade) {
    const web = await start(facade)
    const { cookie } = await web.visit('/admin')
    const { ask } = await admitted(web, cookie)
    await web.visit('/demote', cookie)
    await ask('count')
    const { id } = sessionOf(cookie)
    await vi.waitFor(async () => expect(await web.stored(id)).toMatchObject({ count: 1, user: { role: 'user' } }), SOON)
    expect(await ask('read')).toMatchObject({ user: { role: 'user' } })
  },
  async 'disconnects a socket whose session has ended'(facade) {
    const web = await start(facade, { revalidateEveryMs: 1000 })
    const { cookie } = await web.visit('/admin')
    const { client } = await admitted(web, cookie)
    const told = disconnected(client)
    await web.visit('/logout', cookie)
    expect(await told).toBe('io server disconnect')
  },
}
