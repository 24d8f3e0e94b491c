import { sharedsession } from 'portcullis/compat/express-socket.io-session'
import { describe, expect, test } from 'vitest'
import { checks, type Facade } from './checks.ts'

type Express = (request: object, response: object, next: (error?: unknown) => void) => void
interface Held {
  save(): void
}

/** As the old package: express-session on the handshake, and the whole session saved after each event. */
const asItWas: Facade = (session) => (socket, next) => {
  const request = socket.handshake as unknown as { session: Held }
  ;(session as Express)(request, { end: () => {} }, () => next())
  socket.use((_event, proceed) => {
    proceed()
    setTimeout(() => request.session.save(), 20)
  })
}

/** Wrong facades, each with the checks that it must fail. */
const mutants: Record<string, readonly [Facade, readonly string[]]> = {
  'admits everybody, with an empty session': [
    () => (socket, next) => {
      Object.assign(socket.handshake, { session: {} })
      next()
    },
    ['gives the socket the session of the page, and writes nothing', 'refuses the connection when the store fails'],
  ],
  'refuses everybody': [
    () => (_socket, next) => next(new Error('Session unavailable')),
    [
      'gives the socket the session of the page, and writes nothing',
      'takes no session from a cookie with a forged signature',
    ],
  ],
  'skips the signature': [
    (session) => (socket, next) => {
      const request = socket.handshake as unknown as {
        headers: { cookie?: string }
        session: object
        sessionStore: never
      }
      ;(session as Express)(request, { end: () => {} }, () => {
        const id = decodeURIComponent(request.headers.cookie ?? '')
          .replace(/^.*s:/, '')
          .split('.')[0]
        const { sessionStore } = request as unknown as {
          sessionStore: { get(id: unknown, done: (e: unknown, s: object) => void): void }
        }
        sessionStore.get(id, (_error, held) => {
          request.session = held
          next()
        })
      })
    },
    ['takes no session from a cookie with a forged signature'],
  ],
  'is as the old package was': [
    asItWas,
    [
      'refuses the connection when the store fails',
      'does not bring back a session that was logged out',
      'does not restore a role that was taken over HTTP',
    ],
  ],
  'saves nothing': [
    (session, options) => sharedsession(session, { ...(options as object), autoSave: false }),
    ['saves what a handler changes, also after an await'],
  ],
  'never looks again': [
    (session, options) =>
      sharedsession(session, { ...(options as object), revalidateEveryMs: Number.POSITIVE_INFINITY }),
    ['disconnects a socket whose session has ended'],
  ],
}

describe.each(Object.entries(mutants))('a facade that %s', (_name, [mutant, failing]) => {
  test.each(failing)('fails: %s', async (name) => {
    const check = checks[name]
    if (check === undefined) throw new Error(`no check is called ${name}`)
    const patience = new Promise<never>((_resolve, reject) => setTimeout(reject, 2000, new Error('waited in vain')))
    await expect(Promise.race([check(mutant), patience])).rejects.toThrow()
  })
})
