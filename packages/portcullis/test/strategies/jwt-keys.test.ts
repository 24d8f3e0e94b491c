import { createPublicKey, createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { exportJWK } from 'jose'
import { type JwtKeys, jwt } from 'portcullis/strategies/jwt'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  AUDIENCE,
  accepted,
  claimsWith,
  ec,
  ed25519,
  ISSUER,
  otherRsa,
  refused,
  rsa,
  secret,
  sign,
  strategyWith,
} from './jwt-fixtures.ts'

const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')
const ecJwk = await exportJWK(ec.publicKey)
const rsaJwk = await exportJWK(rsa.publicKey)

/** Construction must throw a TypeError that names the option and quotes nothing of `hidden`. */
function misconfigured(options: Record<string, unknown>, option: string, hidden: readonly string[] = []): void {
  let thrown: unknown
  try {
    jwt({ issuer: ISSUER, audience: AUDIENCE, keys: secret, ...options })
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(TypeError)
  expect((thrown as TypeError).message).toContain(`"${option}"`)
  for (const text of hidden) expect(inspect(thrown, { depth: 9 }).includes(text)).toBe(false)
}

describe('keys', () => {
  it('may be a secret as bytes, KeyObject, JWK or CryptoKey', async () => {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    const forms: JwtKeys[] = [
      secret,
      new Uint8Array(secret),
      createSecretKey(secret),
      { kty: 'oct', k: base64url(secret) },
      { kty: 'oct', k: base64url(secret), alg: 'HS256', use: 'sig', key_ops: ['sign', 'verify'] },
      await crypto.subtle.importKey('raw', secret, algorithm, true, ['verify']),
      await crypto.subtle.importKey('raw', secret, algorithm, true, ['sign', 'verify']),
    ]
    for (const keys of forms) await accepted(strategyWith({ keys }), await sign(claimsWith()))
  })

  it('may be a public key as KeyObject, JWK, JWKS or CryptoKey', async () => {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    const forms: JwtKeys[] = [
      ec.publicKey,
      ecJwk,
      { keys: [ecJwk] },
      [ec.publicKey],
      await crypto.subtle.importKey('jwk', ecJwk, algorithm, true, ['verify']),
    ]
    const token = await sign(claimsWith(), { alg: 'ES256' }, ec.privateKey)
    for (const keys of forms) await accepted(strategyWith({ keys }), token)
  })

  it.each([
    ['P-384', 'ES384'],
    ['P-521', 'ES512'],
  ])('of curve %s are for %s', async (namedCurve, alg) => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve })
    const token = await sign(claimsWith(), { alg }, privateKey)
    await accepted(strategyWith({ keys: publicKey }), token)
    await accepted(strategyWith({ keys: await exportJWK(publicKey) }), token)
  })

  it('of RSA are for RS256, unless they or the options say otherwise', async () => {
    const ps256 = await sign(claimsWith(), { alg: 'PS256' }, rsa.privateKey)
    const rs512 = await sign(claimsWith(), { alg: 'RS512' }, rsa.privateKey)
    await refused(strategyWith({ keys: rsa.publicKey }), ps256, 'alg')
    await accepted(strategyWith({ keys: rsa.publicKey, algorithms: ['PS256'] }), ps256)
    await accepted(strategyWith({ keys: { ...rsaJwk, alg: 'PS256' } }), ps256)
    await accepted(strategyWith({ keys: { ...rsaJwk, alg: 'RS512' } }), rs512)
    const bound = await crypto.subtle.importKey('jwk', rsaJwk, { name: 'RSA-PSS', hash: 'SHA-256' }, true, ['verify'])
    await accepted(strategyWith({ keys: bound }), ps256)
  })

  it('have one algorithm each, the first that fits', async () => {
    const strategy = strategyWith({ keys: rsa.publicKey, algorithms: ['RS256', 'PS256'] })
    await accepted(strategy, await sign(claimsWith(), { alg: 'RS256' }, rsa.privateKey))
    await refused(strategy, await sign(claimsWith(), { alg: 'PS256' }, rsa.privateKey), 'alg')
  })

  it('of Ed25519 are for EdDSA, or for Ed25519 where named so', async () => {
    const eddsa = await sign(claimsWith(), { alg: 'EdDSA' }, ed25519.privateKey)
    const named = await sign(claimsWith(), { alg: 'Ed25519' }, ed25519.privateKey)
    await accepted(strategyWith({ keys: ed25519.publicKey }), eddsa)
    await refused(strategyWith({ keys: ed25519.publicKey }), named, 'alg')
    await accepted(strategyWith({ keys: ed25519.publicKey, algorithms: ['Ed25519'] }), named)
  })

  it('of HMAC may be longer, and for HS512 must be', async () => {
    const long = randomBytes(64)
    await accepted(strategyWith({ keys: long }), await sign(claimsWith(), {}, long))
    const hs512 = strategyWith({ keys: long, algorithms: ['HS512'] })
    await accepted(hs512, await sign(claimsWith(), { alg: 'HS512' }, long))
    await refused(hs512, await sign(claimsWith(), {}, long), 'alg')
    misconfigured({ keys: secret, algorithms: ['HS512'] }, 'keys')
  })

  it('may overlap while one replaces another, with a kid or without', async () => {
    const next = randomBytes(32)
    const unnamed = strategyWith({ keys: [secret, next] })
    for (const key of [secret, next]) {
      await accepted(unnamed, await sign(claimsWith(), {}, key))
      await accepted(unnamed, await sign(claimsWith(), { kid: 'any' }, key))
    }
    await refused(unnamed, await sign(claimsWith(), {}, randomBytes(32)), 'signature')
    const named = strategyWith({
      keys: {
        keys: [
          { ...rsaJwk, kid: 'old' },
          { ...(await exportJWK(otherRsa.publicKey)), kid: 'new' },
        ],
      },
    })
    const newKey = otherRsa.privateKey
    await accepted(named, await sign(claimsWith(), { alg: 'RS256', kid: 'new' }, newKey))
    await accepted(named, await sign(claimsWith(), { alg: 'RS256' }, newKey))
    await refused(named, await sign(claimsWith(), { alg: 'RS256', kid: 'old' }, newKey), 'signature')
    await refused(named, await sign(claimsWith(), { alg: 'RS256', kid: 'other' }, newKey), 'key')
  })

  it('F6: rotate by three deployments: the old, both, the new', async () => {
    const jwk = async (pair: typeof rsa, kid: string) => ({ ...(await exportJWK(pair.publicKey)), kid })
    const [oldKey, newKey] = [await jwk(rsa, 'old'), await jwk(otherRsa, 'new')]
    const ofOld = await sign(claimsWith(), { alg: 'RS256', kid: 'old' }, rsa.privateKey)
    const ofNew = await sign(claimsWith(), { alg: 'RS256', kid: 'new' }, otherRsa.privateKey)
    const before = strategyWith({ keys: [oldKey] })
    await accepted(before, ofOld)
    await refused(before, ofNew, 'key')
    const during = strategyWith({ keys: [oldKey, newKey] })
    for (const token of [ofOld, ofNew]) await accepted(during, token)
    const after = strategyWith({ keys: [newKey] })
    await refused(after, ofOld, 'key')
    await accepted(after, ofNew)
    const secrets = [secret, randomBytes(32)] as const
    const signed = await Promise.all(secrets.map((each) => sign(claimsWith(), {}, each)))
    for (const token of signed) await accepted(strategyWith({ keys: secrets }), token)
    await refused(strategyWith({ keys: secrets[1] }), signed[0] ?? '', 'signature')
    await accepted(strategyWith({ keys: secrets[1] }), signed[1] ?? '')
  })

  it('given as such are not forgotten by purge()', async () => {
    const strategy = strategyWith()
    strategy.purge()
    await accepted(strategy, await sign(claimsWith()))
  })

  it('not for verifying signatures are not used', async () => {
    const token = await sign(claimsWith(), { alg: 'ES256', kid: 'k' }, ec.privateKey)
    for (const wrong of [{ use: 'enc' }, { key_ops: ['encrypt'] }, { key_ops: ['sign'] }, { key_ops: [] }]) {
      misconfigured({ keys: { ...ecJwk, ...wrong } }, 'keys')
      const keys = [
        { ...ecJwk, kid: 'k', ...wrong },
        { ...(await exportJWK(ed25519.publicKey)), kid: 'other' },
      ]
      await refused(strategyWith({ keys }), token, 'alg')
    }
    misconfigured(
      { keys: await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']) },
      'keys',
    )
  })

  it('are copied: changing the bytes later changes nothing', async () => {
    const bytes = Buffer.from(secret)
    const strategy = strategyWith({ keys: bytes })
    bytes.fill(0)
    await accepted(strategy, await sign(claimsWith()))
  })
})

describe('keys that are refused at construction', () => {
  it.each([['', undefined, null, false, 0, Buffer.alloc(0), {}, [], [undefined], [''], { keys: 1 }, { keys: [null] }]])(
    'J05: no key at all',
    (...absent) => {
      for (const keys of absent) misconfigured({ keys }, 'keys')
    },
  )

  it.each(['hunter2', 'your-256-bit-secret', 'x'.repeat(31)])('J28: the short secret %s', (short) => {
    misconfigured({ keys: Buffer.from(short) }, 'keys', [short])
    misconfigured({ keys: createSecretKey(Buffer.from(short)) }, 'keys', [short])
    misconfigured({ keys: { kty: 'oct', k: base64url(Buffer.from(short)) } }, 'keys', [short])
  })

  it.each([
    'a-string-secret-at-least-256-bits-long',
    'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
    'a-string-secret-at-least-256-bits-long\n',
    'secret'.repeat(6),
    'changeme'.repeat(4),
    '12345678901234567890123456789012',
    '\0'.repeat(32),
    'x'.repeat(64),
  ])('J28: the guessable secret %j', (guessable) => {
    misconfigured({ keys: Buffer.from(guessable) }, 'keys', [guessable])
    misconfigured({ keys: createSecretKey(Buffer.from(guessable)) }, 'keys', [guessable])
    misconfigured({ keys: { kty: 'oct', k: base64url(Buffer.from(guessable)) } }, 'keys', [guessable])
    misconfigured({ keys: [secret, Buffer.from(guessable)] }, 'keys', [guessable])
  })

  it('J28: an RSA key of 1024 bits', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    misconfigured({ keys: publicKey }, 'keys')
    misconfigured({ keys: publicKey.export({ format: 'jwk' }) }, 'keys')
  })

  it.each(['AQ', 'Ag', 'AQAA'])('J28: an RSA key with the exponent %s', (e) => {
    misconfigured({ keys: { ...rsaJwk, e } }, 'keys', [rsaJwk.n ?? ''])
  })

  it('J28: a private key of any kind and form', async () => {
    for (const { privateKey } of [rsa, ec, ed25519]) {
      const jwk = await exportJWK(privateKey)
      misconfigured({ keys: privateKey }, 'keys')
      misconfigured({ keys: jwk }, 'keys', [jwk.d ?? ''])
      misconfigured({ keys: { keys: [ecJwk, jwk] } }, 'keys', [jwk.d ?? ''])
    }
    const jwk = await exportJWK(ec.privateKey)
    const signing = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])
    misconfigured({ keys: signing }, 'keys')
  })

  it('the text of a key in place of a key', () => {
    const pem = rsa.publicKey.export({ format: 'pem', type: 'spki' }) as string
    misconfigured({ keys: pem }, 'keys', [pem])
    misconfigured({ keys: Buffer.from(pem) }, 'keys', [pem])
    misconfigured({ keys: Buffer.from(` \n${pem}`) }, 'keys', [pem])
    misconfigured({ keys: Buffer.from('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPL1I9oiq+B8crkmuV4YViiU') }, 'keys')
    misconfigured({ keys: 'a-secret-that-was-given-as-a-string-by-mistake' }, 'keys', ['by-mistake'])
  })

  it('a malformed key, and one of a kind that signs nothing here', async () => {
    misconfigured({ keys: { ...ecJwk, y: ecJwk.x } }, 'keys')
    misconfigured({ keys: { ...ecJwk, crv: 'P-384' } }, 'keys')
    misconfigured({ keys: { ...ecJwk, alg: 'ES384' } }, 'keys')
    misconfigured({ keys: { ...ecJwk, alg: 'RSA-OAEP' } }, 'keys')
    misconfigured({ keys: { ...ecJwk, alg: '__proto__' } }, 'keys')
    misconfigured({ keys: { ...ecJwk, kid: 1 } }, 'keys')
    misconfigured({ keys: { kty: 'RSA' } }, 'keys')
    misconfigured({ keys: { kty: 'oct', k: `${base64url(secret)}=` } }, 'keys', [base64url(secret)])
    misconfigured({ keys: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey }, 'keys')
    misconfigured({ keys: generateKeyPairSync('ed448').publicKey }, 'keys')
    misconfigured({ keys: generateKeyPairSync('x25519').publicKey }, 'keys')
    misconfigured({ keys: generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey }, 'keys')
  })

  it('a CryptoKey that is not extractable, and so cannot be checked', async () => {
    const hmac = { name: 'HMAC', hash: 'SHA-256' }
    const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' }
    misconfigured({ keys: await crypto.subtle.importKey('raw', secret, hmac, false, ['verify']) }, 'keys')
    misconfigured({ keys: await crypto.subtle.importKey('jwk', ecJwk, ecdsa, false, ['verify']) }, 'keys')
    const guessable = await crypto.subtle.importKey('raw', Buffer.alloc(32), hmac, true, ['verify'])
    misconfigured({ keys: guessable }, 'keys')
  })

  it('two with the same kid and algorithm', async () => {
    const other = await exportJWK(otherRsa.publicKey)
    misconfigured(
      {
        keys: [
          { ...rsaJwk, kid: 'k' },
          { ...other, kid: 'k' },
        ],
      },
      'keys',
    )
    strategyWith({
      keys: [
        { ...rsaJwk, kid: 'k' },
        { ...ecJwk, kid: 'k' },
      ],
    })
  })
})

describe('algorithms that are refused at construction', () => {
  it.each([[['HS256', 'RS256']], [['ES256', 'HS512']]])(
    'J29: %j, which mixes secrets and public keys',
    (algorithms) => {
      misconfigured({ algorithms }, 'algorithms')
      misconfigured({ algorithms, keys: rsa.publicKey }, 'algorithms')
      misconfigured({ algorithms, keys: 'https://login.example/jwks.json' }, 'algorithms')
    },
  )

  it('J29: a secret beside a public key', () => {
    misconfigured({ keys: [secret, rsa.publicKey] }, 'keys')
    misconfigured({ keys: { keys: [{ kty: 'oct', k: base64url(secret) }, ecJwk] } }, 'keys')
  })

  it.each([
    [[]],
    [['none']],
    [['None']],
    [['RS256', 'none']],
    [[1]],
    ['HS256'],
    [['HS1']],
    [['__proto__']],
    [['A256GCM']],
  ])('J29: %j', (algorithms) => misconfigured({ algorithms }, 'algorithms'))

  it('one that no key can do', () => {
    misconfigured({ keys: rsa.publicKey, algorithms: ['ES256'] }, 'keys')
    misconfigured({ keys: { ...rsaJwk, alg: 'RS256' }, algorithms: ['PS256'] }, 'keys')
    misconfigured({ keys: secret, algorithms: ['RS256'] }, 'keys')
  })
})

describe('other options that are refused at construction', () => {
  it.each([
    ['issuer', [undefined, '', 1, null, /x/g, ['x']]],
    ['audience', [undefined, '', 1, null, /aud/g, /(a+)+$/, ['chat']]],
    ['typ', ['', 1, null, /x/]],
    ['scheme', ['', 1, null]],
    ['leewaySeconds', [-1, Number.NaN, Number.POSITIVE_INFINITY, '5', 301]],
    ['maxLifetimeSeconds', [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '60']],
    ['clock', [null, {}, 1]],
    ['claims', [null, {}, () => true, { '~standard': {} }]],
    ['from', [null, [], {}, ['authorization'], [{}]]],
  ])('J27: "%s"', (option, values) => {
    for (const value of values) misconfigured({ [option]: value }, option)
  })

  it('J29: options of other libraries', () => {
    misconfigured({ ignoreExpiration: true }, 'ignoreExpiration')
    misconfigured({ secretOrKey: 'the-secret' }, 'secretOrKey', ['the-secret'])
  })
})

describe('an import that fails', () => {
  afterEach(() => vi.restoreAllMocks())

  it('is answered AUTH_ERROR for each token, and is no unhandled rejection', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const token = await sign(claimsWith(), { alg: 'RS256' }, rsa.privateKey)
    vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(new Error('no such algorithm in this runtime'))
    const strategy = strategyWith({ keys: createPublicKey(rsa.privateKey) })
    await new Promise((resolve) => setImmediate(resolve))
    await refused(strategy, token, 'key_unusable', 'AUTH_ERROR')
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })

  it('happens once for each key, not for each token', async () => {
    const imported = vi.spyOn(crypto.subtle, 'importKey')
    const strategy = strategyWith({ keys: createPublicKey(rsa.privateKey) })
    const token = await sign(claimsWith(), { alg: 'RS256' }, rsa.privateKey)
    imported.mockClear()
    for (let i = 0; i < 5; i++) await accepted(strategy, token)
    expect(imported).not.toHaveBeenCalled()
  })
})
