/** The modules of docs/logout.md, run as they stand there, with real sockets. */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server as HttpServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sign as signCookie } from 'cookie-signature'
import type { Store } from 'express-session'
import { exportJWK, SignJWT } from 'jose'
import type { Passport } from 'passport'
import type { Auth } from 'portcullis'
import { Server } from 'socket.io'
import { io as connectClient, type Socket } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { next, ORIGIN, onCleanup, outcome } from '../harness.ts'
import { listen } from '../logout/site.ts'
import { ec } from '../strategies/jwt-fixtures.ts'

const page = readFileSync(fileURLToPath(new URL('../../../../docs/logout.md', import.meta.url)), 'utf8')
const modules = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [title = '', ...lines] = section.split('\n')
      return [title, /```ts\n([\s\S]*?)```/.exec(lines.join('\n'))?.[1] ?? ''] as const
    }),
)
const folder = mkdtempSync(fileURLToPath(new URL('./.modules-', import.meta.url)))
const SECRET = randomBytes(32).toString('hex')
const ISSUER = 'https://login.example'
let keySet: HttpServer

beforeAll(async () => {
  const jwks = JSON.stringify({ keys: [await exportJWK(ec.publicKey)] })
  keySet = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(jwks)
  })
  await new Promise<void>((resolve) => keySet.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(keySet.address() as AddressInfo).port}/jwks`
  const trust = { ISSUER, JWKS_URL: url, AUDIENCE: 'chat', CLIENT_ID: 'my-client', STREAM_AUDIENCE: 'my-stream' }
  Object.assign(process.env, { SESSION_SECRET: SECRET, ...trust })
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
  keySet.closeAllConnections()
  keySet.close()
})

interface Module {
  readonly auth: Auth
  readonly app: RequestListener
  readonly store?: Store
  readonly passport?: InstanceType<typeof Passport>
}

/** The module under this heading: its web application, and a chat under its `auth`. */
async function load(title: string) {
  const path = join(folder, `${title.replaceAll(/\W+/g, '-')}.ts`)
  writeFileSync(path, modules.get(title) ?? '')
  const module = (await import(/* @vite-ignore */ path)) as Module
  const http = createServer()
  const io = new Server(http)
  module.auth.protect(io.of('/chat'), { events: {} })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const chat = `http://127.0.0.1:${(http.address() as AddressInfo).port}/chat`
  onCleanup(async () => {
    await module.auth.close()
    await io.close()
  })
  const site = await listen(module.app)
  return {
    ...module,
    post: (to: string, body?: string | URLSearchParams, headers: Record<string, string> = {}) =>
      fetch(site + to, { method: 'POST', redirect: 'manual', headers, ...(body === undefined ? {} : { body }) }),
    async connect(options: object): Promise<Socket> {
      const socket = connectClient(chat, { forceNew: true, reconnection: false, transports: ['websocket'], ...options })
      onCleanup(() => void socket.disconnect())
      expect(await outcome(socket)).toBeNull()
      return socket
    },
  }
}

const closed = async (socket: Socket) => (await next(socket, 'auth:closed'))[0]
const REVOKED = { code: 'AUTH_REVOKED' }

async function loggedIn(store: Store | undefined, subject: string): Promise<string> {
  const sid = randomBytes(24).toString('hex')
  const session = { cookie: {}, passport: { user: subject } }
  await new Promise((resolve) => store?.set(sid, session as never, resolve))
  return `connect.sid=${encodeURIComponent(`s:${signCookie(sid, SECRET)}`)}`
}
const withCookie = (cookie: string) => ({ extraHeaders: { cookie, origin: ORIGIN } })

const seconds = () => Math.floor(Date.now() / 1000)
const signed = (typ: string, claims: object) =>
  new SignJWT({ iss: ISSUER, iat: seconds(), exp: seconds() + 60, jti: randomBytes(8).toString('hex'), ...claims })
    .setProtectedHeader({ alg: 'ES256', typ })
    .sign(ec.privateKey)
const accessToken = () => signed('at+jwt', { aud: 'chat', sub: '42', iat: seconds() - 30 })

describe('docs/logout.md', () => {
  it('gives a module of at most 20 lines under every heading, and a row of the table to each', () => {
    expect(modules.size).toBe(4)
    for (const [title, text] of modules) {
      expect([title, text.trim().split('\n').length <= 20, text.includes('export const')]).toEqual([title, true, true])
      expect(page).toContain(`](#${title.toLowerCase().replaceAll(' ', '-')})`)
    }
  })

  it('Sessions of express-session', async () => {
    const { post, connect, store } = await load('Sessions of express-session')
    const cookie = await loggedIn(store, '42')
    const heard = closed(await connect(withCookie(cookie)))
    expect((await post('/logout', undefined, { cookie })).status).toBe(302)
    expect(await heard).toMatchObject(REVOKED)
  })

  it('Passport', async () => {
    const { post, connect, store, passport } = await load('Passport')
    passport?.deserializeUser((id, done) => done(null, { id: String(id) }))
    const [here, there] = [await loggedIn(store, '42'), await loggedIn(store, '42')]
    const sockets = [await connect(withCookie(here)), await connect(withCookie(there))]
    const heard = Promise.all(sockets.map(closed))
    expect((await post('/logout', undefined, { cookie: here })).status).toBe(302)
    expect(await heard).toMatchObject([REVOKED, REVOKED])
  })

  it('Back-channel logout', async () => {
    const { post, connect } = await load('Back-channel logout')
    const heard = closed(await connect({ auth: { token: await accessToken() } }))
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
    const token = await signed('logout+jwt', { aud: 'my-client', sub: '42', events })
    expect((await post('/backchannel-logout', new URLSearchParams({ logout_token: token }))).status).toBe(200)
    expect(await heard).toMatchObject(REVOKED)
  })

  it('Security events', async () => {
    const { post, connect } = await load('Security events')
    const heard = closed(await connect({ auth: { token: await accessToken() } }))
    const token = await signed('secevent+jwt', {
      aud: 'my-stream',
      sub_id: { format: 'iss_sub', iss: ISSUER, sub: '42' },
      events: { 'https://schemas.openid.net/secevent/caep/event-type/session-revoked': { event_timestamp: seconds() } },
    })
    expect((await post('/signals', token, { 'content-type': 'application/secevent+jwt' })).status).toBe(202)
    expect(await heard).toMatchObject(REVOKED)
  })
})
