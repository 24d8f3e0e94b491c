import { scrypt } from 'node:crypto'
import { inspect, promisify } from 'node:util'
import { AuthError, type AuthErrorCode, type Strategy } from 'portcullis'
import { type BasicOptions, basic } from 'portcullis/strategies/basic'
import { fakeClock, handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'
import { gate, keys, ORIGIN, outcome, start } from '../harness.ts'

const NOW = fakeClock().now() / 1000
const PASSWORD = 'correct horse: battery staple'

type Options = BasicOptions<unknown, 'basic'>

const base64 = (text: string | Uint8Array) => Buffer.from(text as string).toString('base64')
const sent = (credential: string, options: Parameters<typeof handshakeOf>[0] = {}) =>
  handshakeOf({ secure: true, headers: { authorization: `Basic ${credential}` }, ...options })
const as = (username: string, password: string) => sent(base64(`${username}:${password}`))

/** A strategy for which everybody has the one password, and the pairs it was asked for. */
function over(options: Partial<Options> = {}) {
  const asked: string[][] = []
  const verify = async (username: string, password: string) => {
    asked.push([username, password])
    return password === PASSWORD ? { subject: `user-${username}` } : null
  }
  return { asked, strategy: basic({ verify, clock: fakeClock(), ...options }) }
}

/** The error with which the strategy refuses: its code, its reason, and neither header nor password in its text. */
async function refusal(
  strategy: Strategy,
  handshake: ReturnType<typeof handshakeOf>,
  expected: readonly [AuthErrorCode, string],
) {
  const outcome: unknown = await strategy.authenticate(handshake, null).catch((error: unknown) => error)
  if (!AuthError.is(outcome)) throw new Error(`not refused: ${inspect(outcome)}`)
  expect([outcome.code, outcome.reason]).toEqual(expected)
  const shown = `${inspect(outcome, { depth: 8, showHidden: true })}\n${JSON.stringify(outcome)}\n${outcome.stack}`
  const credential = String(handshake.headers.authorization).slice('Basic '.length)
  for (const value of [credential, PASSWORD]) if (value.length > 7) expect(shown.includes(value)).toBe(false)
  return outcome
}

describe('the basic strategy keeps the contract of strategies', () => {
  const request = (credential: string) => () => ({ handshake: sent(credential), connect: null })
  const cases = strategyContract({
    strategy: () => over().strategy,
    good: request(base64(`alice:${PASSWORD}`)),
    missing: () => ({ handshake: handshakeOf({ headers: { authorization: 'Bearer abc' } }), connect: null }),
    bad: [
      { name: 'a wrong password', request: request(base64('alice:not-this-one')), code: 'AUTH_CREDENTIAL_INVALID' },
      { name: 'no colon', request: request(base64('alice-without')), code: 'AUTH_CREDENTIAL_INVALID' },
      { name: 'no base64', request: request('alice:password'), code: 'AUTH_CREDENTIAL_INVALID' },
      {
        name: 'a password over the network',
        request: () => ({
          handshake: sent(base64(`alice:${PASSWORD}`), { secure: false, address: '10.0.0.1' }),
          connect: null,
        }),
        code: 'AUTH_FORBIDDEN',
      },
    ],
    unavailable: () => ({
      strategy: basic({ verify: (...pair) => Promise.reject(Object.assign(new Error(`no ${pair}`), { pair })) }),
      ...request(base64(`alice:${PASSWORD}`))(),
    }),
    secrets: [PASSWORD],
  })
  for (const { name, run } of cases) test(name, run)
})

describe('a right password', () => {
  test('gives the identity and a lease that names the principal, not the password', async () => {
    const strategy = basic({
      clock: fakeClock(),
      issuer: 'https://acme.example',
      verify: () => ({ subject: 'u1', claims: { org: 'acme' }, issuedAt: NOW - 60 }),
    })
    const answer = await strategy.authenticate(as('alice', PASSWORD), null)
    expect(answer).toEqual({
      identity: { scheme: 'basic', issuer: 'https://acme.example', subject: 'u1', claims: { org: 'acme' } },
      lease: { id: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/), issuedAt: NOW - 60, expiresAt: NOW + 3600 },
    })
    expect(await strategy.authenticate(as('alice', 'another one'), null)).toEqual(answer)
  })

  test('B01: is what stands behind the first colon, in UTF-8, whatever it is', async () => {
    const pairs = [
      ['alice', 'a:b:c'],
      ['alice', ''],
      ['', 'password'],
      ['', ''],
      ['Aladdin', 'open sesame'],
      ['test', '123£'],
      ['jürgen', '密码 🔑'],
      ['\uFEFFalice', ' spaces '],
      ['a', 'x'.repeat(1024)],
    ] as const
    const { strategy, asked } = over()
    for (const [username, password] of pairs) {
      await strategy.authenticate(as(username, password), null).catch(() => null)
    }
    expect(asked).toEqual(pairs)
  })

  test('B01: is recognised with the scheme in any case, and never in a CONNECT packet', async () => {
    const { strategy, asked } = over()
    for (const scheme of ['basic', 'BASIC', 'BaSiC']) {
      const handshake = handshakeOf({ headers: { authorization: `${scheme}  ${base64(`a:${PASSWORD}`)}` } })
      expect((await strategy.authenticate(handshake, null))?.identity.subject).toBe('user-a')
    }
    const auth = { username: 'a', password: PASSWORD, token: base64(`a:${PASSWORD}`) }
    expect(await strategy.authenticate(as('a', PASSWORD), { namespace: '/', auth })).toBeNull()
    expect(asked).toHaveLength(3)
  })

  test('leaves the claims to the application, and is dated no later than now', async () => {
    const claims = { roles: ['reader'] }
    const strategy = basic({ clock: fakeClock(), verify: () => ({ subject: 'u1', claims, issuedAt: NOW + 5 }) })
    const answer = await strategy.authenticate(as('a', PASSWORD), null)
    claims.roles.push('admin')
    expect([answer?.identity.claims, answer?.lease.issuedAt]).toEqual([{ roles: ['reader'] }, NOW])
  })
})

describe('B01: refuses with AUTH_CREDENTIAL_INVALID, before verify is asked,', () => {
  const good = base64(`alice:${PASSWORD}`)
  const bad: Readonly<Record<string, readonly [string, string]>> = {
    nothing: ['', 'base64'],
    'no base64 at all': ['alice:password', 'base64'],
    'base64 without its padding': [base64('a:bc').replaceAll('=', ''), 'base64'],
    'base64 with more padding': [`${good}====`, 'base64'],
    'base64 with a space': [`${good.slice(0, 8)} ${good.slice(8)}`, 'base64'],
    base64url: [base64('a:??>>~~').replaceAll('/', '_').replaceAll('+', '-'), 'base64'],
    'base64 with stray bits': ['YTpiYg=='.replace('g', 'h'), 'base64'],
    'two credentials': [`${good}, ${good}`, 'base64'],
    'no colon': [base64('alice'), 'no_colon'],
    'a NUL': [base64('alice\0:password'), 'control_character'],
    'a line break': [base64('alice:pass\r\nword'), 'control_character'],
    'a DEL': [base64('alice:pass\x7fword'), 'control_character'],
    'a C1 control character': [base64('alice:pass\u0085word'), 'control_character'],
    'Latin-1': [base64(Buffer.from('jürgen:pass', 'latin1')), 'utf8'],
    'an overlong slash': [base64(new Uint8Array([0x61, 0x3a, 0xc0, 0xaf])), 'utf8'],
    'a lone surrogate': [base64(new Uint8Array([0x61, 0x3a, 0xed, 0xa0, 0x80])), 'utf8'],
    'B03: a password of 1025 bytes': [base64(`a:${'x'.repeat(1025)}`), 'password_too_long'],
    'B03: a password of 1025 bytes in fewer characters': [base64(`a:${'ü'.repeat(513)}`), 'password_too_long'],
    'B03: a password of 100 KB': [base64(`a:${'x'.repeat(102_400)}`), 'too_long'],
  }
  for (const [what, [credential, reason]] of Object.entries(bad)) {
    test(what, async () => {
      const { strategy, asked } = over()
      const error = await refusal(strategy, sent(credential), ['AUTH_CREDENTIAL_INVALID', reason])
      expect([error.status, error.retry, asked]).toEqual([401, 'refresh', []])
    })
  }
})

test('B02, L03: an unknown name and a wrong password are refused alike', async () => {
  const known = basic({
    verify: (name, password) => (name === 'alice' && password === PASSWORD ? { subject: 'a' } : null),
  })
  const unknown = await refusal(known, as('mallory', PASSWORD), ['AUTH_CREDENTIAL_INVALID', 'credentials'])
  const wrong = await refusal(known, as('alice', 'not-this-one'), ['AUTH_CREDENTIAL_INVALID', 'credentials'])
  expect([wrong.status, wrong.retry, wrong.message]).toEqual([unknown.status, unknown.retry, unknown.message])
})

describe('B05: a password that came unencrypted', () => {
  const from = (address: string) => sent(base64(`alice:${PASSWORD}`), { secure: false, address })

  test('from another host is refused with AUTH_FORBIDDEN, before verify is asked', async () => {
    const addresses = ['10.0.0.1', '192.168.1.1', '8.8.8.8', '128.0.0.1', '::2', 'fe80::1', '::ffff:10.0.0.1']
    for (const address of [...addresses, '127.evil.example', '', '1.127.0.0']) {
      const { strategy, asked } = over()
      const error = await refusal(strategy, from(address), ['AUTH_FORBIDDEN', 'insecure_transport'])
      expect([error.status, error.retry, asked]).toEqual([403, 'never', []])
    }
  })

  test('from this host is accepted', async () => {
    for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) {
      expect(await over().strategy.authenticate(from(address), null)).not.toBeNull()
    }
  })

  test('is accepted from anywhere where allowInsecure says so', async () => {
    expect(await over({ allowInsecure: true }).strategy.authenticate(from('10.0.0.1'), null)).not.toBeNull()
  })
})

describe('verify', () => {
  test('B03: beyond 50 at once is AUTH_UNAVAILABLE, and free again when one ends', async () => {
    const held = gate()
    let running = 0
    let most = 0
    const strategy = basic({
      clock: fakeClock(),
      verify: async (username) => {
        running += 1
        most = Math.max(most, running)
        await held.promise
        running -= 1
        return { subject: username }
      },
    })
    const admitted = Array.from({ length: 50 }, (_, i) => strategy.authenticate(as(`u${i}`, PASSWORD), null))
    for (let i = 0; i < 20; i += 1) {
      const error = await refusal(strategy, as('late', PASSWORD), ['AUTH_UNAVAILABLE', 'verify_busy'])
      expect([error.status, error.retry]).toEqual([503, 'backoff'])
    }
    held.open()
    expect((await Promise.all(admitted)).filter((answer) => answer !== null)).toHaveLength(50)
    expect((await strategy.authenticate(as('later', PASSWORD), null))?.identity.subject).toBe('later')
    expect(most).toBe(50)
  })

  test('that is given up still counts until it ends', async () => {
    const held = gate()
    const clock = fakeClock()
    const verify = async () => {
      await held.promise
      return { subject: 'u1' }
    }
    const strategy = basic({ verify, clock, maxConcurrent: 1, verifyTimeoutMs: 250 })
    const refused = refusal(strategy, as('a', PASSWORD), ['AUTH_UNAVAILABLE', 'verify_timeout'])
    await clock.advance(250)
    await refused
    await refusal(strategy, as('a', PASSWORD), ['AUTH_UNAVAILABLE', 'verify_busy'])
    held.open()
    await clock.advance(0)
    expect(await strategy.authenticate(as('a', PASSWORD), null)).not.toBeNull()
    expect(clock.pending).toBe(0)
  })

  test('by a real slow hash admits the right one of many at once', async () => {
    const hash = promisify(scrypt) as (password: string, salt: string, length: number) => Promise<Buffer>
    const right = await hash(PASSWORD, 'salt', 32)
    const verify = async (username: string, password: string) =>
      (await hash(password, 'salt', 32)).equals(right) ? { subject: username } : null
    const strategy = basic({ verify })
    const guess = (i: number) => base64(`alice:${i === 5 ? PASSWORD : `guess ${i}`}`)
    // From as many addresses, since five wrong ones from one of them would be the last.
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, i) => strategy.authenticate(sent(guess(i), { address: `192.0.2.${i}` }), null)),
    )
    expect(outcomes.map(({ status }) => status).indexOf('fulfilled')).toBe(5)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('that throws or rejects is AUTH_UNAVAILABLE with its cause; an AuthError is heard as it is', async () => {
    const failure = new Error('no database')
    const throwing = () => {
      throw failure
    }
    for (const verify of [throwing, () => Promise.reject(failure)]) {
      const error = await refusal(basic({ verify }), as('a', PASSWORD), ['AUTH_UNAVAILABLE', 'verify_failed'])
      expect(error.cause).toBe(failure)
    }
    const limited = () => Promise.reject(new AuthError('AUTH_RATE_LIMITED', { reason: 'by_name' }))
    await refusal(basic({ verify: limited }), as('a', PASSWORD), ['AUTH_RATE_LIMITED', 'by_name'])
  })

  test('that puts the password on its error has it taken off', async () => {
    const pair = `a:${PASSWORD}`
    const thrown: unknown[] = [
      new Error(`bad ${pair} or ${base64(pair)}`),
      Object.assign(new Error('query failed'), { parameters: ['a', PASSWORD] }),
      new Error('outer', { cause: new Error(PASSWORD) }),
      PASSWORD,
      { PASSWORD },
      null,
    ]
    for (const error of thrown) {
      const verify = () => Promise.reject(error)
      await refusal(basic({ verify }), as('a', PASSWORD), ['AUTH_UNAVAILABLE', 'verify_failed'])
    }
  })

  test('that puts a password with quotes on its error has it taken off', async () => {
    const password = `it's "so" \\ good \`really\``
    const verify = () => Promise.reject(Object.assign(new Error('failed'), { parameters: [password] }))
    const error = await refusal(basic({ verify }), as('a', password), ['AUTH_UNAVAILABLE', 'verify_failed'])
    expect(error.cause).toEqual(new Error('failed'))
    expect(Object.keys(error.cause as object)).toEqual([])
  })

  test('that answers something malformed is AUTH_ERROR', async () => {
    const subjects = [
      undefined,
      true,
      false,
      'u1',
      {},
      { subject: 42 },
      { subject: '' },
      Object.create({ subject: 'a' }),
    ]
    const dates = [Number.NaN, -1, NOW + 61, '1'].map((issuedAt) => ({ subject: 'u1', issuedAt }))
    for (const answer of [...subjects, ...dates]) {
      const strategy = basic({ clock: fakeClock(), verify: (() => answer) as () => null })
      await refusal(strategy, as('a', PASSWORD), ['AUTH_ERROR', 'verify_answer_malformed'])
    }
  })
})

describe('on a real server', () => {
  const opened = async () => {
    const server = await start({
      strategies: [over({ clock: fakeClock(Date.now()) }).strategy as never, keys(new Map())],
    })
    const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
    const subjects: string[] = []
    chat.on('connection', (socket) => subjects.push(socket.data.identity.subject))
    return { ...server, subjects }
  }
  const authorization = `Basic ${base64(`alice:${PASSWORD}`)}`

  test('a password counts together with an allowed origin', async () => {
    const { client, subjects } = await opened()
    expect(await outcome(client('/chat', { extraHeaders: { authorization, origin: ORIGIN } }))).toBeNull()
    expect(subjects).toEqual(['user-alice'])
  })

  test('B06: a page of another origin is refused with AUTH_ORIGIN_REFUSED, and so is none, on both transports', async () => {
    const { get, upgrade, subjects, audit } = await opened()
    for (const headers of [{ authorization, origin: 'https://evil.example' }, { authorization }]) {
      const polling = await get('/socket.io/?EIO=4&transport=polling', headers)
      const websocket = await upgrade('/socket.io/?EIO=4&transport=websocket', headers)
      for (const { status, body } of [polling, websocket]) {
        expect([status, JSON.parse(body).code]).toEqual([403, 'AUTH_ORIGIN_REFUSED'])
      }
    }
    expect(subjects).toEqual([])
    expect(JSON.stringify(audit)).not.toContain(base64(`alice:${PASSWORD}`))
  })

  test('B05: one that a trusted proxy took unencrypted is refused with AUTH_FORBIDDEN, on both transports', async () => {
    const server = await start({
      strategies: [over({ clock: fakeClock(Date.now()) }).strategy as never],
      trustedProxies: ['127.0.0.1'],
    })
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const headers = { authorization, origin: ORIGIN, 'x-forwarded-for': '192.0.2.1' }
    for (const [proto, statuses] of [
      ['http', [403, 403]],
      ['https', [200, 101]],
    ] as const) {
      const all = { ...headers, 'x-forwarded-proto': proto }
      const polling = await server.get('/socket.io/?EIO=4&transport=polling', all)
      const websocket = await server.upgrade('/socket.io/?EIO=4&transport=websocket', all)
      expect([polling.status, websocket.status]).toEqual(statuses)
      if (proto === 'http') expect(JSON.parse(websocket.body).code).toBe('AUTH_FORBIDDEN')
    }
    expect(server.audit.flatMap(({ reason }) => reason ?? [])).toEqual(['insecure_transport', 'insecure_transport'])
  })

  test('a wrong password is refused with AUTH_CREDENTIAL_INVALID', async () => {
    const { get, subjects } = await opened()
    const wrong = { authorization: `Basic ${base64('alice:not-this-one')}`, origin: ORIGIN }
    const { status, body } = await get('/socket.io/?EIO=4&transport=polling', wrong)
    expect([status, JSON.parse(body).code, subjects]).toEqual([401, 'AUTH_CREDENTIAL_INVALID', []])
  })
})

describe('Z10: bad options throw a TypeError at once that quotes the option', () => {
  const bad: Readonly<Record<string, Record<string, unknown>>> = {
    '"verify"': { verify: null },
    '"allowInsecure"': { allowInsecure: 'yes' },
    '"issuer"': { issuer: '' },
    '"scheme"': { scheme: '' },
    '"leaseSeconds"': { leaseSeconds: 0 },
    '"maxLifetimeSeconds"': { maxLifetimeSeconds: Number.NaN },
    '"maxConcurrent"': { maxConcurrent: 0 },
    '"maxFailures"': { maxFailures: 0 },
    '"maxFailuresPerAddress"': { maxFailuresPerAddress: -1 },
    '"failureWindowSeconds"': { failureWindowSeconds: Number.POSITIVE_INFINITY },
    '"verifyTimeoutMs"': { verifyTimeoutMs: 2 ** 31 },
    '"from" is not an option': { from: [] },
  }
  for (const [message, options] of Object.entries(bad)) {
    test(message, () => {
      const make = () => basic({ verify: () => null, ...options } as never)
      expect(make).toThrow(TypeError)
      expect(make).toThrow(message)
    })
  }
})
