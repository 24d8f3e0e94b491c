import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import expressSession from 'express-session'
import { session } from 'portcullis/strategies/session'
import { handshakeOf } from 'portcullis/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CountingStore, OLD_SECRET, refusal, SECRET } from './session-fixtures.ts'

/** A small web application: it logs in as Passport does, with a new session id, and out by destroying the session. */
let store = new CountingStore()
let server: Server
let origin = ''

beforeAll(async () => {
  server = createServer((request, response) => {
    const read = expressSession({
      store,
      secret: [SECRET, OLD_SECRET],
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 60_000 },
    })
    Reflect.apply(read, undefined, [request, response, () => act(request as WithSession, () => response.end())])
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(() => {
  store = new CountingStore()
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

type WithSession = IncomingMessage & {
  session: expressSession.Session & { passport?: { user: string }; visits?: number }
}

function act(request: WithSession, done: () => void): void {
  if (request.url === '/logout') {
    request.session.destroy(done)
  } else if (request.url === '/visit') {
    request.session.visits = 1
    done()
  } else {
    request.session.regenerate(() => {
      request.session.passport = { user: 'user-42' }
      done()
    })
  }
}

/** The Cookie header that a browser would send after this visit. */
async function visit(path: string, cookie = ''): Promise<string> {
  const response = await fetch(origin + path, { headers: { cookie } })
  await response.text()
  return response.headers.get('set-cookie')?.split(';')[0] ?? cookie
}

const from = (cookie: string) => handshakeOf({ headers: { cookie } })
const sidOf = (cookie: string) => decodeURIComponent(cookie).slice('connect.sid=s:'.length).split('.')[0] ?? ''

describe('with a real express-session application', () => {
  test('a login is recognised, with one read and no write', async () => {
    const cookie = await visit('/login')
    const [asked, written] = [store.asked.length, store.written.length]
    const answer = await session({ store, secret: SECRET }).authenticate(from(cookie), null)
    expect(answer?.identity.subject).toBe('user-42')
    expect(answer?.revocableBy).toEqual([{ session: sidOf(cookie) }])
    expect([store.asked.length, store.written.length]).toEqual([asked + 1, written])
  })

  test('S18, S23: the session is as long and as it was after a hundred authentications', async () => {
    const cookie = await visit('/login')
    const { sessions } = store as unknown as { sessions: Record<string, string> }
    const before = JSON.stringify(sessions)
    const written = [...store.written]
    const strategy = session({ store, secret: SECRET })
    for (let i = 0; i < 100; i += 1) await strategy.authenticate(from(cookie), null)
    expect(JSON.stringify(sessions)).toBe(before)
    expect(store.written).toEqual(written)
  })

  test('the lease ends with the session', async () => {
    const cookie = await visit('/login')
    const answer = await session({ store, secret: SECRET }).authenticate(from(cookie), null)
    const stored = JSON.parse((store as unknown as { sessions: Record<string, string> }).sessions[sidOf(cookie)] ?? '')
    expect(answer?.lease.expiresAt).toBe(new Date(stored.cookie.expires).getTime() / 1000)
  })

  test('S12: a visitor who did not log in has no identity', async () => {
    expect(await session({ store, secret: SECRET }).authenticate(from(await visit('/visit')), null)).toBeNull()
  })

  test('S15: the session id from before the login is refused with AUTH_CREDENTIAL_INVALID', async () => {
    const before = await visit('/visit')
    const after = await visit('/login', before)
    expect(sidOf(after)).not.toBe(sidOf(before))
    const strategy = session({ store, secret: SECRET })
    await refusal(strategy, from(before), ['AUTH_CREDENTIAL_INVALID', 'session_unknown'], [sidOf(before)])
    expect(await strategy.authenticate(from(after), null)).not.toBeNull()
  })

  test('S16: after the logout the cookie is refused with AUTH_CREDENTIAL_INVALID', async () => {
    const cookie = await visit('/login')
    await visit('/logout', cookie)
    const strategy = session({ store, secret: SECRET })
    await refusal(strategy, from(cookie), ['AUTH_CREDENTIAL_INVALID', 'session_unknown'], [sidOf(cookie)])
  })

  test('S03: a cookie of the application that rotates its secret is still read, and not with the old one alone', async () => {
    const cookie = await visit('/login')
    expect(await session({ store, secret: [OLD_SECRET, SECRET] }).authenticate(from(cookie), null)).not.toBeNull()
    const removed = session({ store, secret: OLD_SECRET })
    await refusal(removed, from(cookie), ['AUTH_CREDENTIAL_INVALID', 'signature'], [sidOf(cookie)])
  })
})
