/** What a facade of passport.socketio must do, as checks that wrong facades must fail. */

import cookieParser from 'cookie-parser'
import type { authorize as Authorize } from 'portcullis/compat/passport-socketio'
import { expect } from 'vitest'
import { connect, disconnected, KEY, outcome, SECRET, sessionOf, startWebApp, type WebApp } from './web-app.ts'

export interface Facade {
  readonly authorize: typeof Authorize
}

type Check = (facade: Facade) => Promise<void>

async function start({ authorize }: Facade, more: Partial<Parameters<typeof Authorize>[0]> = {}): Promise<WebApp> {
  const web = await startWebApp()
  const { store, passport } = web
  web.io.use(authorize({ cookieParser, key: KEY, secret: SECRET, store, passport, ...more }))
  return web
}

export const checks: Readonly<Record<string, Check>> = {
  async 'admits a user who is logged in, with logged_in'(facade) {
    const web = await start(facade)
    const client = connect(web.url, 4, { cookie: await web.login('alice') })
    expect(await outcome(client)).toBeNull()
    const { request } = web.socketOf(client)
    expect((request as unknown as { user: object }).user).toMatchObject({ name: 'Alice', logged_in: true })
  },
  async 'refuses a client without a cookie'(facade) {
    const web = await start(facade)
    expect(await outcome(connect(web.url, 4))).toBe('No session found')
  },
  async 'refuses a session id that is not signed, and one with a signature of another secret'(facade) {
    const web = await start(facade)
    const cookie = await web.login('alice')
    const { id } = sessionOf(cookie)
    expect(await outcome(connect(web.url, 4, { cookie: `${KEY}=${id}` }))).toBe('No session found')
    expect(await outcome(connect(web.url, 4, { cookie: `${KEY}=s:${id}.forged` }))).toBe('No session found')
  },
  async 'refuses an expired session that the store still holds'(facade) {
    const web = await start(facade)
    const cookie = await web.login('alice')
    const { id } = sessionOf(cookie)
    const expired = { cookie: { expires: new Date(Date.now() - 1000), originalMaxAge: 1 }, passport: { user: 'alice' } }
    const store = { get: (_id: string, done: (error: unknown, session?: unknown) => void) => done(null, expired) }
    const other = await start(facade, { store })
    expect(id).not.toBe('')
    expect(await outcome(connect(other.url, 4, { cookie }))).toBe('No session found')
  },
  async 'refuses a user whom Passport does not know any more'(facade) {
    const web = await start(facade)
    const cookie = await web.login('alice')
    web.users.delete('alice')
    expect(await outcome(connect(web.url, 4, { cookie }))).toBe('User not found')
  },
  async 'disconnects a user who has logged out'(facade) {
    const web = await start(facade, { revalidateEveryMs: 1000 })
    const cookie = await web.login('alice')
    const client = connect(web.url, 4, { cookie })
    expect(await outcome(client)).toBeNull()
    const told = disconnected(client)
    await web.visit('/logout', cookie)
    expect(await told).toBe('io server disconnect')
  },
}
