import { generateKeyPairSync } from 'node:crypto'
import { type JwtIssuersOptions, jwt } from 'portcullis/strategies/jwt'
import { handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'
import {
  AUDIENCE,
  accepted,
  claimsWith,
  clock,
  ec,
  NOW,
  otherRsa,
  refused,
  rsa,
  secret,
  sign,
  signRaw,
} from './jwt-fixtures.ts'
import { hang, jwkOf, jwksServer, publish, status } from './jwt-jwks-fixtures.ts'

const A = 'https://a.example'
const B = 'https://b.example'
const jwks = jwksServer()
const { strategyOf, rs256 } = jwks
const one = await jwkOf(rsa, 'one')
const other = await jwkOf(otherRsa, 'one')

/** Two issuers whose different keys have the same kid, each at its own path of one server. */
function twoIssuers(options: Partial<JwtIssuersOptions> = {}) {
  const asked: (string | undefined)[] = []
  jwks.answer = (request, response) => {
    asked.push(request.url)
    publish(request.url === '/a' ? one : other)(request, response)
  }
  const issuers = { [A]: { keys: `${jwks.base}/a` }, [B]: { keys: `${jwks.base}/b` } }
  return { strategy: strategyOf({ issuers, audience: AUDIENCE, ...options }), asked }
}

describe('several issuers', () => {
  it('each sign with their own keys, and the identity names the one that did', async () => {
    const { strategy, asked } = twoIssuers()
    const ofA = await accepted(strategy, await rs256('one', rsa, { iss: A }))
    const ofB = await accepted(strategy, await rs256('one', otherRsa, { iss: B }))
    expect([ofA.identity.issuer, ofB.identity.issuer]).toEqual([A, B])
    expect([ofA.identity.subject, ofB.identity.subject]).toEqual(['user-42', 'user-42'])
    expect(asked).toEqual(['/a', '/b'])
  })

  it('K06: a token of A that claims to be of B is refused, with one kid, A cached and B cached or not', async () => {
    const { strategy } = twoIssuers()
    await accepted(strategy, await rs256('one', rsa, { iss: A }))
    await refused(strategy, await rs256('one', rsa, { iss: B }), 'signature')
    await accepted(strategy, await rs256('one', otherRsa, { iss: B }))
    await refused(strategy, await rs256('one', rsa, { iss: B }), 'signature')
    await refused(strategy, await rs256('one', otherRsa, { iss: A }), 'signature')
    await refused(strategy, await rs256(undefined, rsa, { iss: B }), 'signature')
  })

  it('K06: keys that were given as such are as separate', async () => {
    const shared = { alg: 'RS256', kid: 'one' }
    const issuers = { [A]: { keys: one }, [B]: { keys: [other] } }
    const strategy = strategyOf({ issuers, audience: AUDIENCE })
    await accepted(strategy, await sign(claimsWith({ iss: A }), shared, rsa.privateKey))
    await accepted(strategy, await sign(claimsWith({ iss: B }), shared, otherRsa.privateKey))
    await refused(strategy, await sign(claimsWith({ iss: B }), shared, rsa.privateKey), 'signature')
  })

  it.each([
    'https://evil.example/',
    `${A}/`,
    'HTTPS://A.EXAMPLE',
    'a.example',
    `${A}/tenant/../`,
    'tenant/../',
    '__proto__',
    'constructor',
    'toString',
    '',
    [A],
    { [A]: 1 },
    null,
    1,
    undefined,
  ])('K07: the issuer %j is refused without any fetch', async (iss) => {
    const { strategy, asked } = twoIssuers()
    await refused(strategy, await rs256('one', rsa, { iss }), 'issuer')
    expect(asked).toEqual([])
  })

  it('K07: a payload that is no claims set is refused without any fetch', async () => {
    const { strategy, asked } = twoIssuers()
    for (const payload of ['[]', '', `{"iss":"${A}","iss":"${B}"}`, `{"__proto__":{"iss":"${A}"}`]) {
      await refused(strategy, signRaw('{"alg":"RS256","kid":"one"}', payload), 'payload')
    }
    await refused(strategy, signRaw('{"alg":"RS256","kid":"one"}', `{"__proto__":{"iss":"${A}"}}`), 'issuer')
    expect(asked).toEqual([])
  })

  it('K01: unknown kids of one issuer ask nobody but that issuer', async () => {
    const { strategy, asked } = twoIssuers()
    await accepted(strategy, await rs256('one', rsa, { iss: A }))
    await accepted(strategy, await rs256('one', otherRsa, { iss: B }))
    for (let i = 0; i < 20; i++) await refused(strategy, await rs256(`random-${i}`, rsa, { iss: A }), 'key')
    expect(asked).toEqual(['/a', '/b', '/a'])
  })

  it('F5: do not suffer from an outage of one of them', async () => {
    const { strategy } = twoIssuers()
    await accepted(strategy, await rs256('one', otherRsa, { iss: B }))
    const answer = jwks.answer
    jwks.answer = (request, response) => (request.url === '/a' ? hang : answer)(request, response)
    const waiting = refused(strategy, await rs256('one', rsa, { iss: A }), 'key_set_unavailable', 'AUTH_UNAVAILABLE')
    const start = performance.now()
    await accepted(strategy, await rs256('one', otherRsa, { iss: B }))
    expect(performance.now() - start).toBeLessThan(900)
    await waiting
  })

  it('K03: purge() forgets the keys of all of them', async () => {
    const { strategy } = twoIssuers()
    await accepted(strategy, await rs256('one', rsa, { iss: A }))
    await accepted(strategy, await rs256('one', otherRsa, { iss: B }))
    jwks.answer = status(500)
    strategy.purge()
    for (const iss of [A, B]) {
      await refused(strategy, await rs256('one', rsa, { iss }), 'key_set_unavailable', 'AUTH_UNAVAILABLE')
    }
  })

  it('J23, J24: may have an audience, algorithms, typ and profile each, else those beside them', async () => {
    const strategy = strategyOf({
      audience: AUDIENCE,
      issuers: {
        [A]: { keys: rsa.publicKey, audience: 'partners', algorithms: ['PS256'], typ: 'JWT' },
        [B]: { keys: ec.publicKey, profile: 'at+jwt' },
      },
    })
    const ps256 = (claims: object, typ = 'JWT') =>
      sign(claimsWith({ iss: A, aud: 'partners', ...claims }), { alg: 'PS256', typ }, rsa.privateKey)
    await accepted(strategy, await ps256({}))
    await refused(strategy, await ps256({ aud: AUDIENCE }), 'audience')
    await refused(strategy, await ps256({}, 'at+jwt'), 'typ')
    const aud = 'partners'
    await refused(
      strategy,
      await sign(claimsWith({ iss: A, aud }), { alg: 'RS256', typ: 'JWT' }, rsa.privateKey),
      'alg',
    )
    const es256 = (claims: object, typ = 'at+jwt') =>
      sign(claimsWith({ iss: B, jti: 't', client_id: 'c', ...claims }), { alg: 'ES256', typ }, ec.privateKey)
    await accepted(strategy, await es256({}))
    await refused(strategy, await es256({ aud: 'partners' }), 'audience')
    await refused(strategy, await es256({}, 'JWT'), 'typ')
    await refused(strategy, await es256({ client_id: undefined }), 'client_id')
  })

  it('take typ, profile and algorithms from beside them', async () => {
    const pinned = strategyOf({
      audience: AUDIENCE,
      typ: 'x+jwt',
      algorithms: ['PS256'],
      issuers: { [A]: { keys: rsa.publicKey } },
    })
    await accepted(pinned, await sign(claimsWith({ iss: A }), { alg: 'PS256', typ: 'x+jwt' }, rsa.privateKey))
    await refused(pinned, await sign(claimsWith({ iss: A }), { alg: 'PS256' }, rsa.privateKey), 'typ')
    const profiled = strategyOf({ audience: AUDIENCE, profile: 'at+jwt', issuers: { [A]: { keys: secret } } })
    await refused(profiled, await sign(claimsWith({ iss: A })), 'typ')
  })

  it('may use secrets and public keys, one kind each', async () => {
    const strategy = strategyOf({
      audience: AUDIENCE,
      issuers: { [A]: { keys: secret }, [B]: { keys: rsa.publicKey } },
    })
    await accepted(strategy, await sign(claimsWith({ iss: A })))
    await accepted(strategy, await sign(claimsWith({ iss: B }), { alg: 'RS256' }, rsa.privateKey))
    const pem = rsa.publicKey.export({ format: 'pem', type: 'spki' }) as string
    await refused(strategy, await sign(claimsWith({ iss: B }), {}, Buffer.from(pem)), 'alg')
    await refused(strategy, await sign(claimsWith({ iss: B })), 'alg')
  })

  it('J20: expire by the same leeway and lifetime', async () => {
    const issuers = { [A]: { keys: secret } }
    const strategy = strategyOf({ audience: AUDIENCE, issuers, clock, leewaySeconds: 0, maxLifetimeSeconds: 60 })
    await accepted(strategy, await sign(claimsWith({ iss: A, iat: NOW, exp: NOW + 60 })))
    await refused(strategy, await sign(claimsWith({ iss: A, iat: NOW, exp: NOW + 61 })), 'lifetime')
    await refused(strategy, await sign(claimsWith({ iss: A, exp: NOW })), 'expiry', 'AUTH_EXPIRED')
    expect(strategy.maxLifetimeSeconds).toBe(60)
  })
})

describe('issuers that are refused at construction', () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  const good = { keys: secret }
  it.each<[string, object, string]>([
    ['beside issuer', { issuer: A, issuers: { [A]: good } }, '"issuers"'],
    ['beside keys', { keys: secret, issuers: { [A]: good } }, '"issuers"'],
    ['that are none', { issuers: {} }, '"issuers"'],
    ['that are an array', { issuers: [good] }, '"issuers"'],
    ['that are a Map', { issuers: new Map([[A, good]]) }, '"issuers"'],
    ['that are null', { issuers: null }, '"issuers"'],
    ['that are a text', { issuers: A }, '"issuers"'],
    ['with an entry that is a URL', { issuers: { [A]: 'https://a.example/jwks' } }, '"issuers", entry 1'],
    ['with an entry that is null', { issuers: { [A]: null } }, '"issuers", entry 1'],
    ['with an entry without keys', { issuers: { [A]: good, [B]: {} } }, '"issuers", entry 2: "keys"'],
    ['with an empty name', { issuers: { '': good } }, '"issuers", entry 1: "issuer"'],
    ['with a weak key', { issuers: { [A]: { keys: weak } } }, '"issuers", entry 1: "keys"'],
    ['with a guessable secret', { issuers: { [A]: { keys: Buffer.alloc(32) } } }, '"issuers", entry 1: "keys"'],
    [
      'with an unknown option',
      { issuers: { [A]: { ...good, issuer: A } } },
      '"issuers", entry 1: "issuer" is not an option',
    ],
    [
      'K12: with a key for a cache',
      { issuers: { [A]: { ...good, cacheKey: () => '' } } },
      '"cacheKey" is not an option',
    ],
    ['K08: with a URL of http', { issuers: { [A]: { keys: 'http://a.example/jwks' } } }, '"issuers", entry 1: "keys"'],
    [
      'K08: with a URL of a file',
      { issuers: { [A]: { keys: new URL('file:///jwks') } } },
      '"issuers", entry 1: "keys"',
    ],
    ['K07: with a template as keys', { issuers: { [A]: { keys: () => one } } }, '"issuers", entry 1: "keys"'],
    ['without audience', { audience: undefined, issuers: { [A]: good } }, '"issuers", entry 1: "audience"'],
    ['with a wrong audience', { issuers: { [A]: { ...good, audience: /x/ } } }, '"issuers", entry 1: "audience"'],
    ['with a wrong profile', { issuers: { [A]: { ...good, profile: 'id' } } }, '"issuers", entry 1: "profile"'],
    ['with a typ beside a profile', { profile: 'at+jwt', issuers: { [A]: { ...good, typ: 'x' } } }, '"profile"'],
    ['with mixed algorithms', { issuers: { [A]: { ...good, algorithms: ['HS256', 'RS256'] } } }, '"algorithms"'],
  ])('%s', (_what, options, message) => {
    const make = () => jwt({ audience: AUDIENCE, ...options } as never)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })

  it('take nothing from Object.prototype', () => {
    const issuers = Object.create({ [A]: good })
    expect(() => jwt({ audience: AUDIENCE, issuers })).toThrow('"issuers"')
    const inherited = { [A]: Object.create(good) }
    expect(() => jwt({ audience: AUDIENCE, issuers: inherited })).toThrow('"keys"')
    Object.defineProperty(Object.prototype, 'keys', { value: secret, configurable: true })
    try {
      expect(() => jwt({ audience: AUDIENCE, issuers: { [A]: {} } } as never)).toThrow('"keys"')
    } finally {
      delete (Object.prototype as { keys?: unknown }).keys
    }
  })
})

describe('the jwt strategy of several issuers keeps the contract of strategies', async () => {
  const token = await sign(claimsWith({ iss: A, jti: 'token-1' }))
  const forged = await sign(claimsWith({ iss: B, jti: 'token-2' }))
  const issuers = { [A]: { keys: secret }, [B]: { keys: ec.publicKey } }
  const request = (authorization: string) => () => ({
    handshake: handshakeOf({ headers: { authorization } }),
    connect: null,
  })
  const cases = strategyContract({
    strategy: () => jwt({ issuers, audience: AUDIENCE, clock }),
    good: request(`Bearer ${token}`),
    missing: request('Basic dXNlcjpwYXNz'),
    bad: [
      {
        name: 'a token in the name of another issuer',
        request: request(`Bearer ${forged}`),
        code: 'AUTH_CREDENTIAL_INVALID',
      },
      {
        name: 'a token of an unknown issuer',
        request: async () => request(`Bearer ${await sign(claimsWith())}`)(),
        code: 'AUTH_CREDENTIAL_INVALID',
      },
    ],
    secrets: token.split('.'),
  })
  for (const { name, run } of cases) it(name, run)
})
