import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import expressSession from 'express-session'
import { Authenticator } from 'passport'
import { AuthError } from 'portcullis'
import { type PassportOptions, passport } from 'portcullis/strategies/passport'
import { handshakeOf, strategyContract } from 'portcullis/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  CountingStore,
  manualClock,
  refusal,
  SECRET,
  SID,
  START,
  signed,
  storeOf,
  withCookie,
} from './session-fixtures.ts'

interface User {
  readonly id: string
  readonly org: string
  readonly password: string
}
type Done = (error: unknown, user?: User | false | null) => void
type Options = PassportOptions<User, { readonly org: string }, 'passport'>

const PRESENTED = withCookie(signed(SID))
const LOGGED_IN = { cookie: {}, passport: { user: '7' } }
const ANN: User = { id: '7', org: 'acme', password: 'a-hash-for-nobody' }
const identify = ({ id, org }: User) => ({ subject: id, claims: { org } })

/** A Passport of its own with these deserializers. */
function passportWith(...deserializers: readonly ((id: unknown, done: Done) => void)[]) {
  const instance = new Authenticator()
  for (const each of deserializers) instance.deserializeUser(each as never)
  return instance
}

/** The strategy over a store that holds this one session under every id. */
function over(
  held: unknown,
  instance: PassportOptions<User, unknown, 'passport'>['passport'],
  more: Partial<Options> = {},
) {
  const store = storeOf(held)
  const clock = manualClock()
  const strategy = passport({ passport: instance, store, secret: SECRET, clock, identify, ...more })
  return { store, clock, strategy }
}

describe('with a real application of express-session and Passport', () => {
  type Request = IncomingMessage & {
    user?: User
    login(user: User, done: (error?: unknown) => void): void
    logout(done: (error?: unknown) => void): void
  }
  let store = new CountingStore()
  let users = new Map<string, User>()
  let server: Server
  let origin = ''
  const instance = new Authenticator()
  instance.serializeUser((user, done) => done(null, (user as User).id))
  instance.deserializeUser((id: string, done: Done) => done(null, users.get(id) ?? false))

  beforeAll(async () => {
    server = createServer((request, response) => {
      const act = () => {
        const visitor = request as Request
        const answer = () => response.end(JSON.stringify(visitor.user ?? null))
        const id = /^\/login\/(.+)$/.exec(request.url ?? '')?.[1]
        if (id !== undefined) visitor.login(users.get(id) as User, answer)
        else if (request.url === '/logout') visitor.logout(answer)
        else answer()
      }
      const chain = [
        expressSession({ store, secret: SECRET, resave: false, saveUninitialized: true }),
        instance.initialize(),
        instance.session(),
      ].reduceRight<() => void>((next, each) => () => Reflect.apply(each, undefined, [request, response, next]), act)
      chain()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => new Promise((resolve) => server.close(resolve)))
  beforeEach(() => {
    store = new CountingStore()
    users = new Map([['7', ANN]])
  })

  async function visit(path: string, cookie = ''): Promise<{ cookie: string; user: unknown }> {
    const response = await fetch(origin + path, { headers: { cookie } })
    return { user: await response.json(), cookie: response.headers.get('set-cookie')?.split(';')[0] ?? cookie }
  }
  const from = (cookie: string) => handshakeOf({ headers: { cookie } })
  const strategy = () => passport({ passport: instance, store, secret: SECRET, identify })

  test('the user of the web page is the user of the socket, with one read and no write', async () => {
    const { cookie } = await visit('/login/7')
    expect((await visit('/', cookie)).user).toEqual(ANN)
    const [asked, written] = [store.asked.length, store.written.length]
    const answer = await strategy().authenticate(from(cookie), null)
    expect(answer?.identity).toEqual({ scheme: 'passport', issuer: 'passport', subject: '7', claims: { org: 'acme' } })
    expect([store.asked.length, store.written.length]).toEqual([asked + 1, written])
  })

  test('identity.claims is what identify chooses, and nothing else of the user', async () => {
    const { cookie } = await visit('/login/7')
    expect(JSON.stringify(await strategy().authenticate(from(cookie), null))).not.toContain(ANN.password)
  })

  test('S12: a visitor who did not log in has no identity', async () => {
    const { cookie } = await visit('/')
    expect(cookie).toContain('connect.sid')
    expect(await strategy().authenticate(from(cookie), null)).toBeNull()
  })

  test('S13: a user who was removed is refused with AUTH_CREDENTIAL_INVALID, though the session lives', async () => {
    const { cookie } = await visit('/login/7')
    users.clear()
    await refusal(strategy(), from(cookie), ['AUTH_CREDENTIAL_INVALID', 'user_unknown'])
  })

  test('S15, S16: the cookies from before the login and from before the logout are refused', async () => {
    const before = await visit('/')
    const after = await visit('/login/7', before.cookie)
    expect(after.cookie).not.toBe(before.cookie)
    await refusal(strategy(), from(before.cookie), ['AUTH_CREDENTIAL_INVALID', 'session_unknown'])
    expect(await strategy().authenticate(from(after.cookie), null)).not.toBeNull()
    await visit('/logout', after.cookie)
    await refusal(strategy(), from(after.cookie), ['AUTH_CREDENTIAL_INVALID', 'session_unknown'])
  })
})

describe('S13: a deserializer', () => {
  const never: (id: unknown, done: Done) => void = () => {}

  test('that throws is answered AUTH_UNAVAILABLE, with its error as the cause', async () => {
    const failure = new Error('no connection')
    const throwing = passportWith(() => {
      throw failure
    })
    const { strategy, clock } = over(LOGGED_IN, throwing)
    const error = await refusal(strategy, PRESENTED, ['AUTH_UNAVAILABLE', 'deserialize_failed'])
    expect([error.status, error.cause, clock.pending]).toEqual([503, failure, 0])
  })

  test('that calls back with an error is answered AUTH_UNAVAILABLE', async () => {
    for (const failure of [new Error('down'), 'down', { code: 1 }]) {
      const { strategy } = over(
        LOGGED_IN,
        passportWith((_id, done) => done(failure)),
      )
      const error = await refusal(strategy, PRESENTED, ['AUTH_UNAVAILABLE', 'deserialize_failed'])
      expect(error.cause).toBe(failure)
    }
  })

  test('that calls back with an AuthError decides the code', async () => {
    const revoked = new AuthError('AUTH_REVOKED')
    const { strategy } = over(
      LOGGED_IN,
      passportWith((_id, done) => done(revoked)),
    )
    await expect(strategy.authenticate(PRESENTED, null)).rejects.toBe(revoked)
  })

  test('that returns false, null or undefined is answered AUTH_CREDENTIAL_INVALID', async () => {
    for (const user of [false, null, undefined] as const) {
      const { strategy, clock } = over(
        LOGGED_IN,
        passportWith((_id, done) => done(null, user)),
      )
      const error = await refusal(strategy, PRESENTED, ['AUTH_CREDENTIAL_INVALID', 'user_unknown'])
      expect([error.status, error.retry, clock.pending]).toEqual([401, 'refresh', 0])
    }
  })

  test('that is missing is answered AUTH_CREDENTIAL_INVALID', async () => {
    await refusal(over(LOGGED_IN, passportWith()).strategy, PRESENTED, ['AUTH_CREDENTIAL_INVALID', 'user_unknown'])
  })

  test('that never calls back is answered AUTH_UNAVAILABLE at one second', async () => {
    let reached = () => {}
    const asking = new Promise<void>((resolve) => {
      reached = resolve
    })
    const { strategy, clock } = over(
      LOGGED_IN,
      passportWith(() => reached()),
    )
    let settled = false
    const outcome = refusal(strategy, PRESENTED, ['AUTH_UNAVAILABLE', 'deserialize_timeout']).finally(() => {
      settled = true
    })
    await asking
    clock.advance(999)
    await new Promise(setImmediate)
    expect(settled).toBe(false)
    clock.advance(1)
    expect((await outcome).status).toBe(503)
    expect(clock.pending).toBe(0)
  })

  test('that answers after its time changes nothing', async () => {
    let late: Done = () => {}
    let reached = () => {}
    const asking = new Promise<void>((resolve) => {
      reached = resolve
    })
    const slow = passportWith((_id, done) => {
      late = done
      reached()
    })
    const { strategy, clock } = over(LOGGED_IN, slow, { deserializeTimeoutMs: 50 })
    const outcome = refusal(strategy, PRESENTED, ['AUTH_UNAVAILABLE', 'deserialize_timeout'])
    await asking
    clock.advance(50)
    late(null, ANN)
    await outcome
  })

  test('that calls back twice counts with its first answer', async () => {
    const mallory: User = { id: 'mallory', org: 'other', password: '' }
    const twice: readonly (readonly [string, (done: Done) => void])[] = [
      ['another user', (done) => done(null, mallory)],
      ['an error', (done) => done(new Error('late'))],
      ['nobody', (done) => done(null, false)],
      [
        'an exception',
        () => {
          throw new Error('late')
        },
      ],
    ]
    for (const [name, then] of twice) {
      const instance = passportWith((_id, done) => {
        done(null, ANN)
        then(done)
      })
      const answer = await over(LOGGED_IN, instance).strategy.authenticate(PRESENTED, null)
      expect(answer?.identity.subject, name).toBe('7')
    }
    const refusing = passportWith((_id, done) => {
      done(null, false)
      done(null, ANN)
    })
    await refusal(over(LOGGED_IN, refusing).strategy, PRESENTED, ['AUTH_CREDENTIAL_INVALID', 'user_unknown'])
  })

  test('is passed over as in Passport, when it says so', async () => {
    const chain = passportWith(
      (_id, done) => done('pass'),
      (_id, done) => done(null, ANN),
    )
    expect((await over(LOGGED_IN, chain).strategy.authenticate(PRESENTED, null))?.identity.subject).toBe('7')
  })

  test('gets what was serialized, frozen, and for a request nothing but the session', async () => {
    const seen: unknown[] = []
    const instance = new Authenticator()
    instance.deserializeUser(((request: unknown, id: unknown, done: Done) => {
      seen.push(request, id)
      done(null, ANN)
    }) as never)
    const held = { cookie: {}, tenant: 'acme', passport: { user: { id: '7', roles: ['reader'] } } }
    expect(await over(held, instance).strategy.authenticate(PRESENTED, null)).not.toBeNull()
    expect(seen).toEqual([{ session: held }, held.passport.user])
    expect(Object.isFrozen(seen[0])).toBe(true)
    expect(Object.isFrozen((seen[1] as { roles: unknown }).roles)).toBe(true)
  })

  test('is not asked for a list or true, which AUTH_CREDENTIAL_INVALID answers', async () => {
    for (const user of [true, ['7'], [], [[]]]) {
      const { strategy } = over({ cookie: {}, passport: { user } }, passportWith(never))
      await refusal(strategy, PRESENTED, ['AUTH_CREDENTIAL_INVALID', 'passport_user'])
    }
  })

  test('is not asked where Passport sees nobody, and there is no identity', async () => {
    const nobody = [{}, { passport: null }, { passport: {} }, { passport: '7' }, { passport: [{ user: '7' }] }]
    const falsy = [null, false, '', Number.NaN, undefined].map((user) => ({ passport: { user } }))
    for (const held of [...nobody, ...falsy]) {
      expect(await over({ cookie: {}, ...held }, passportWith(never)).strategy.authenticate(PRESENTED, null)).toBeNull()
    }
    const polluted = JSON.parse('{"__proto__":{"passport":{"user":"7"}}}') as object
    expect(await over(polluted, passportWith(never)).strategy.authenticate(PRESENTED, null)).toBeNull()
  })

  test('is asked for 0, as Passport does', async () => {
    const instance = passportWith((id, done) => done(null, id === 0 ? ANN : false))
    expect(
      await over({ cookie: {}, passport: { user: 0 } }, instance).strategy.authenticate(PRESENTED, null),
    ).not.toBeNull()
  })

  test('of an instance that itself throws is answered AUTH_UNAVAILABLE', async () => {
    const broken = {
      deserializeUser() {
        throw new Error('no Passport at all')
      },
    }
    const { strategy, clock } = over(LOGGED_IN, broken)
    await refusal(strategy, PRESENTED, ['AUTH_UNAVAILABLE', 'deserialize_failed'])
    expect(clock.pending).toBe(0)
  })
})

describe('reads as the session strategy reads', () => {
  const knowing = () => passportWith((_id, done) => done(null, ANN))

  test('the lease, the name to revoke by and the options are the same', async () => {
    const { strategy } = over(LOGGED_IN, knowing(), {
      issuer: 'https://www.example',
      leaseSeconds: 60,
      identify: ({ id, org }) => ({ subject: id, claims: { org }, issuedAt: START / 1000 - 60 }),
    })
    expect(await strategy.authenticate(PRESENTED, null)).toEqual({
      identity: { scheme: 'passport', issuer: 'https://www.example', subject: '7', claims: { org: 'acme' } },
      lease: { id: expect.any(String), issuedAt: START / 1000 - 60, expiresAt: START / 1000 + 60 },
      revocableBy: [{ session: SID }],
    })
  })

  test('a bad signature and a session that is over never reach a deserializer', async () => {
    let asked = 0
    const counting = passportWith((_id, done) => {
      asked += 1
      done(null, ANN)
    })
    const forged = withCookie(signed(SID, 'another'))
    await refusal(over(LOGGED_IN, counting).strategy, forged, ['AUTH_CREDENTIAL_INVALID', 'signature'])
    const ended = { ...LOGGED_IN, cookie: { expires: new Date(START - 1) } }
    await refusal(over(ended, counting).strategy, PRESENTED, ['AUTH_EXPIRED', 'session'])
    expect(asked).toBe(0)
  })

  test('a user whom identify does not take has no identity', async () => {
    expect(await over(LOGGED_IN, knowing(), { identify: () => null }).strategy.authenticate(PRESENTED, null)).toBeNull()
  })

  test('an answer of identify that names nobody is answered AUTH_ERROR', async () => {
    for (const answer of [{}, { subject: '' }, { subject: 7 }, true]) {
      const { strategy } = over(LOGGED_IN, knowing(), { identify: () => answer as never })
      await refusal(strategy, PRESENTED, ['AUTH_ERROR', 'identify_answer_malformed'])
    }
  })
})

describe('options', () => {
  const good = { passport: passportWith(), store: storeOf(LOGGED_IN), secret: SECRET, identify }
  const wrong: readonly (readonly [string, unknown])[] = [
    ['passport', undefined],
    ['passport', {}],
    ['passport', 'passport'],
    ['identify', undefined],
    ['identify', 'id'],
    ['deserializeTimeoutMs', 0],
    ['deserializeTimeoutMs', Number.NaN],
    ['deserializeTimeoutMs', 2 ** 31],
    ['store', {}],
    ['secret', ''],
    ['name', ''],
  ]
  for (const [option, value] of wrong) {
    test(`"${option}" of ${String(value)} is refused at once, by name`, () => {
      const make = () => passport({ ...good, [option]: value } as never)
      expect(make).toThrow(TypeError)
      expect(make).toThrow(`"${option}"`)
    })
  }
})

describe('the passport strategy keeps the contract of strategies', () => {
  const GONE = 'a-session-that-is-gone'
  const request = (value: string) => () => ({ handshake: withCookie(value), connect: null })
  const held = (): CountingStore => {
    const store = new CountingStore()
    const { sessions } = store as unknown as { sessions: Record<string, string> }
    sessions[SID] = JSON.stringify({ ...LOGGED_IN, cookie: { originalMaxAge: null } })
    sessions[`${SID}-removed`] = JSON.stringify({ passport: { user: '8' }, cookie: { originalMaxAge: null } })
    return store
  }
  const knowing = () => passportWith((id, done) => done(null, id === '7' && ANN))
  const invalid = 'AUTH_CREDENTIAL_INVALID' as const
  const cases = strategyContract({
    strategy: () => passport({ passport: knowing(), store: held(), secret: SECRET, identify }),
    good: request(signed(SID)),
    missing: () => ({ handshake: handshakeOf({ headers: { cookie: 'theme=dark' } }), connect: null }),
    bad: [
      { name: 'an unsigned id', request: request(SID), code: invalid },
      { name: 'a session that is gone', request: request(signed(GONE)), code: invalid },
      { name: 'a user who was removed', request: request(signed(`${SID}-removed`)), code: invalid },
    ],
    unavailable: () => ({
      strategy: passport({
        passport: passportWith((_id, done) => done(new Error('no connection'))),
        store: held(),
        secret: SECRET,
        identify,
      }),
      ...request(signed(SID))(),
    }),
    secrets: [SID, GONE, SECRET, ANN.password],
  })
  for (const { name, run } of cases) test(name, run)
})
