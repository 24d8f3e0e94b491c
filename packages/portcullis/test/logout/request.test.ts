/** endSocketsOnLogout behind real Passport. */

import type { Request } from 'express'
import expressSession from 'express-session'
import { AuthError } from 'portcullis'
import { endSocketsOnLogout, type RevokingAuth } from 'portcullis/logout/request'
import { describe, expect, test } from 'vitest'
import { sidOf, startSite } from './site.ts'

const plain = () => new expressSession.MemoryStore()
const everywhere = ({ user }: { readonly user?: unknown }) => {
  const id = (user as { readonly id?: string } | null | undefined)?.id
  return id === undefined ? null : { issuer: 'session', subject: id }
}

describe('with real Passport and express-session', () => {
  test.each(['/logout', '/logout-keeping'])(
    'S16: %s ends the sockets of the session with AUTH_REVOKED',
    async (path) => {
      const { visit, connect, closed, refused } = await startSite({
        store: plain,
        middleware: (auth) => endSocketsOnLogout(auth),
      })
      const { cookie } = await visit('/login?user=42')
      const other = await connect((await visit('/login?user=42')).cookie)
      const heard = closed(await connect(cookie))
      expect((await visit(path, cookie)).status).toBe(200)
      expect(await heard).toBe('AUTH_REVOKED')
      expect(await refused(cookie)).toBe('AUTH_CREDENTIAL_INVALID')
      expect((await other.emitWithAck('auth:whoami')).subject).toBe('42')
    },
  )

  test('S16: everywhere ends those of the same user in other browsers, and a later login opens some', async () => {
    const { visit, connect, closed, refused } = await startSite({
      store: plain,
      middleware: (auth) => endSocketsOnLogout<Request>(auth, { everywhere }),
    })
    const [{ cookie: laptop }, { cookie: phone }, { cookie: bob }] = [
      await visit('/login?user=42'),
      await visit('/login?user=42'),
      await visit('/login?user=43'),
    ]
    const sockets = [await connect(laptop), await connect(phone), await connect(bob)] as const
    const heard = Promise.all([closed(sockets[0]), closed(sockets[1])])
    await visit('/logout', laptop)
    expect(await heard).toEqual(['AUTH_REVOKED', 'AUTH_REVOKED'])
    expect(await refused(phone)).toBe('AUTH_REVOKED')
    expect((await sockets[2].emitWithAck('auth:whoami')).subject).toBe('43')
    const { cookie: again } = await visit('/login?user=42')
    expect((await (await connect(again)).emitWithAck('auth:whoami')).subject).toBe('42')
  })

  test('when the logout answers, the sockets of this node have ended', async () => {
    const { visit, connect, auth } = await startSite({
      store: plain,
      middleware: (guard) => endSocketsOnLogout(guard),
    })
    const { cookie } = await visit('/login?user=42')
    await connect(cookie)
    expect(auth.sockets({ session: sidOf(cookie) })).toHaveLength(1)
    await visit('/logout', cookie)
    expect(auth.sockets({ session: sidOf(cookie) })).toHaveLength(0)
  })

  test('R15: a revocation that fails is the error of the logout, which happened', async () => {
    const failing: RevokingAuth = { revoke: () => Promise.reject(new AuthError('AUTH_UNAVAILABLE')) }
    const { visit } = await startSite({ store: plain, middleware: () => endSocketsOnLogout(failing) })
    const { cookie } = await visit('/login?user=42')
    const answer = await visit('/logout', cookie)
    expect(answer).toMatchObject({ status: 500, text: expect.stringContaining('AUTH_UNAVAILABLE') })
    // Nobody is logged in on the old session.
    expect((await visit('/logout', cookie)).status).toBe(500)
  })

  test('before passport.session() it is an error of every request, and not a logout that ends nothing', async () => {
    const { visit } = await startSite({
      store: plain,
      middleware: (auth) => (request, response, next) => {
        Object.assign(request, { logout: undefined, logOut: undefined })
        endSocketsOnLogout(auth)(request, response, next)
      },
    })
    expect(await visit('/visit')).toMatchObject({ status: 500, text: expect.stringContaining('passport.session()') })
  })
})

describe('what it makes of req.logout', () => {
  type Done = (error?: unknown) => void
  function requestWith(logout: (options: unknown, done: Done) => void, options: object = {}) {
    const asked: unknown[] = []
    const auth: RevokingAuth = { revoke: async (key) => void asked.push(key) }
    const request = { sessionID: 'sid', user: { id: '42' }, logout, logOut: logout } as {
      sessionID?: string
      user: { id: string }
      logout: (...args: unknown[]) => void
      logOut: (...args: unknown[]) => void
    }
    endSocketsOnLogout<typeof request>(auth, options)(request, {}, () => {})
    return { request, asked }
  }
  const loggedOut = (request: { logout: (...args: unknown[]) => void }, ...args: unknown[]) =>
    new Promise((resolve) => request.logout(...args, resolve))

  test('both spellings, with and without options, which arrive', async () => {
    const given: unknown[] = []
    const { request, asked } = requestWith((options, done) => {
      given.push(options)
      done()
    })
    expect(request.logOut).toBe(request.logout)
    await loggedOut(request)
    await loggedOut(request, { keepSessionInfo: true })
    expect(given).toEqual([{}, { keepSessionInfo: true }])
    expect(asked).toEqual([{ session: 'sid' }, { session: 'sid' }])
  })

  test('a logout that fails ends the sockets, and the callback hears its error', async () => {
    const broken = new Error('broken')
    const { request, asked } = requestWith((_options, done) => done(broken))
    expect(await loggedOut(request)).toBe(broken)
    expect(asked).toEqual([{ session: 'sid' }])
  })

  test('the id is that of before the logout, and everywhere is asked before it', async () => {
    const { request, asked } = requestWith(
      function logout(this: unknown, _options, done) {
        Object.assign(request, { sessionID: 'new', user: null })
        done()
      },
      { everywhere },
    )
    expect(await loggedOut(request)).toBeNull()
    expect(asked).toEqual([{ session: 'sid' }, { issuer: 'session', subject: '42' }])
  })

  test('everywhere that throws stops neither the logout nor the end of the session, and is told', async () => {
    let done = 0
    const { request, asked } = requestWith(
      (_options, callback) => {
        done += 1
        callback()
      },
      {
        everywhere() {
          throw new Error('from everywhere')
        },
      },
    )
    expect(await loggedOut(request)).toMatchObject({ message: 'from everywhere' })
    expect([done, asked]).toEqual([1, [{ session: 'sid' }]])
  })

  test('everywhere that answers neither a principal nor null is told', async () => {
    const { request, asked } = requestWith((_options, done) => done(), { everywhere: () => undefined })
    expect(await loggedOut(request)).toBeInstanceOf(TypeError)
    expect(asked).toEqual([{ session: 'sid' }])
  })

  test('a malformed everywhere is a TypeError', () => {
    const auth: RevokingAuth = { revoke: async () => {} }
    expect(() => endSocketsOnLogout(auth, { everywhere: true as never })).toThrow('"everywhere"')
    expect(() => endSocketsOnLogout(auth, { subject: 1 } as never)).toThrow('"subject"')
  })
})
