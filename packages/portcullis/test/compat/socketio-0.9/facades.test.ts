/** Functions that the other old packages make stand where 0.9 called for one: `authorization(handshakeData, accept)`. */

import { createHmac } from 'node:crypto'
import { createRequire } from 'node:module'
import session from 'express-session'
import jwt from 'jsonwebtoken'
import { Passport } from 'passport'
import * as passportSocketIo from 'portcullis/compat/passport-socketio'
import { type AuthorizationFunction, authorization, type HandshakeData } from 'portcullis/compat/socketio-0.9'
import * as socketioJwt from 'portcullis/compat/socketio-jwt'
import { describe, expect, it } from 'vitest'
import { CLIENTS, connection, heard, POLLING, run, WEBSOCKET } from './setup.ts'

const SECRET = 'the secret of this test, which is long enough'
const cookieParser = createRequire(import.meta.url)('cookie-parser')

describe.each(CLIENTS)('with socket.io-client %i', (_version, connect) => {
  it('passportSocketIo.authorize admits by the session, and puts the user on socket.handshake', async () => {
    const store = new session.MemoryStore()
    const passport = new Passport()
    passport.deserializeUser((id, done) => done(null, { id, name: 'Alice' }))
    const entry = { cookie: { originalMaxAge: null }, passport: { user: 'alice' } } as never
    await new Promise((resolve) => store.set('session-1', entry, resolve))
    const server = await run()
    const fn = passportSocketIo.authorize({ cookieParser, key: 'sid', secret: SECRET, store, passport })
    authorization(server.io, fn as AuthorizationFunction)

    const signature = createHmac('sha256', SECRET).update('session-1').digest('base64').replace(/=+$/, '')
    const cookie = (value: string) => {
      const extraHeaders = { Cookie: `sid=${encodeURIComponent(value)}` }
      return { extraHeaders, transportOptions: { polling: { extraHeaders } } }
    }
    const connected = connection(server.io)
    expect(await heard(server.client(connect, '/', cookie(`s:session-1.${signature}`)))).toBe('connect')
    const { data, handshake: given } = await connected
    const handshake = given as unknown as HandshakeData
    expect(data.identity).toMatchObject({ scheme: 'legacy', issuer: 'passport.socketio', subject: 'alice' })
    expect(handshake.user).toMatchObject({ id: 'alice', name: 'Alice', logged_in: true })
    expect(await heard(server.client(connect, '/', cookie('s:session-1.forged')))).toBe('xhr poll error')
    expect((await server.get(POLLING)).status).toBe(403)
    expect((await server.upgrade(`${WEBSOCKET}&session_id=session-1`)).status).toBe(403)
  })

  it('socketioJwt.authorize admits by the token in the query', async () => {
    const server = await run()
    const fn = socketioJwt.authorize({ secret: SECRET, handshake: true })
    authorization(server.io, fn as unknown as AuthorizationFunction, { onError() {} })
    const token = jwt.sign({ sub: 'alice' }, SECRET, { expiresIn: 60 })
    const expired = jwt.sign({ sub: 'alice' }, SECRET, { expiresIn: -60 })
    const connected = connection(server.io)
    expect(await heard(server.client(connect, '/', { query: { token } }))).toBe('connect')
    const handshake = (await connected).handshake as unknown as HandshakeData
    expect(handshake.decoded_token).toMatchObject({ sub: 'alice' })
    for (const path of [POLLING, `${POLLING}&token=x`, `${POLLING}&token=${expired}`]) {
      expect([403, 500]).toContain((await server.get(path)).status)
    }
    expect([403, 500]).toContain((await server.upgrade(`${WEBSOCKET}&token=${expired}`)).status)
  })

  it('whom socketioJwt.authorize admits is known by the token, and disconnected at its end', async () => {
    const server = await run()
    const fn = socketioJwt.authorize({ secret: SECRET, handshake: true })
    authorization(server.io, fn as unknown as AuthorizationFunction, { onError() {} })
    const token = jwt.sign({ sub: 'alice', exp: Math.floor(Date.now() / 1000) + 3 }, SECRET)
    const connected = connection(server.io)
    const client = server.client(connect, '/', { query: { token } })
    const closed = new Promise((resolve) => client.on('auth:closed', resolve))
    const gone = new Promise((resolve) => client.on('disconnect', resolve))
    const { identity, lease } = (await connected).data
    expect(identity).toMatchObject({ scheme: 'legacy', subject: 'alice' })
    expect(lease.expiresAt).toBe((jwt.decode(token) as { exp: number }).exp)
    expect(await closed).toMatchObject({ code: 'AUTH_EXPIRED' })
    expect(await gone).toBe('io server disconnect')
  })
})
