import { createHmac, createPublicKey, randomBytes, sign as signBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CompactEncrypt, exportJWK, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  accepted,
  claimsWith,
  ec,
  HS256_HEADER,
  NOW,
  otherRsa,
  refused,
  rsa,
  secret,
  sign,
  signRaw,
  strategyWith,
} from './jwt-fixtures.ts'

const base64url = (text: string | Uint8Array) => Buffer.from(text).toString('base64url')
const payload = base64url(JSON.stringify(claimsWith()))
const forRsa = strategyWith({ keys: rsa.publicKey })
const forEc = strategyWith({ keys: ec.publicKey })
const forSecret = strategyWith()

describe('algorithms', () => {
  it.each(['none', 'None', 'NONE', 'nOnE', 'none ', ''])('J03: refuses alg %j with any signature', async (alg) => {
    const header = base64url(JSON.stringify({ alg }))
    for (const strategy of [forSecret, forRsa, forEc]) {
      await refused(strategy, `${header}.${payload}.`, 'shape')
      await refused(strategy, `${header}.${payload}.AA`, 'alg')
    }
  })

  it('J03: refuses an unsecured JWT as jose writes it', async () => {
    await refused(forSecret, new UnsecuredJWT(claimsWith()).encode(), 'shape')
  })

  it('J04: refuses HS256 keyed with any spelling of the public key', async () => {
    for (const { publicKey } of [rsa, ec]) {
      const pem = publicKey.export({ format: 'pem', type: 'spki' }) as string
      const der = publicKey.export({ format: 'der', type: 'spki' })
      const jwk = publicKey.export({ format: 'jwk' })
      const spellings = [
        pem,
        pem.trim(),
        ` ${pem}`,
        `\n${pem}`,
        pem.replaceAll('\n', '\r\n'),
        pem.replace(/-----[^-]+-----|\n/g, ''),
        der,
        JSON.stringify(jwk),
        jwk.n ?? jwk.x ?? '',
        Buffer.from(jwk.n ?? jwk.x ?? '', 'base64url'),
        `ssh-rsa ${der.toString('base64')}`,
        ...(jwk.n === undefined
          ? []
          : [publicKey.export({ format: 'pem', type: 'pkcs1' }), publicKey.export({ format: 'der', type: 'pkcs1' })]),
      ]
      const strategy = strategyWith({ keys: publicKey })
      for (const spelling of spellings) {
        const token = signRaw(HS256_HEADER, JSON.stringify(claimsWith()), Buffer.from(spelling as string))
        await refused(strategy, token, 'alg')
      }
    }
  })

  it('J05: refuses HS256 with an empty key', async () => {
    const token = signRaw(HS256_HEADER, JSON.stringify(claimsWith()), Buffer.alloc(0))
    await refused(forSecret, token, 'signature')
    await refused(forRsa, token, 'alg')
  })

  it.each(['null', '[]', '["HS256"]', '{}', '256', '"rs256"', '"hs256"', '"__proto__"', '"toString"', '"constructor"'])(
    'J06: refuses alg %s',
    async (alg) => {
      for (const strategy of [forSecret, forRsa]) {
        await refused(strategy, signRaw(`{"alg":${alg}}`, JSON.stringify(claimsWith())), 'alg')
      }
    },
  )

  it.each(['PS256', 'RS512', 'RS384'])('J07: refuses %s for a key that is for RS256', async (alg) => {
    const token = await sign(claimsWith(), { alg, kid: 'k' }, rsa.privateKey)
    await refused(strategyWith({ keys: { ...(await exportJWK(rsa.publicKey)), alg: 'RS256', kid: 'k' } }), token, 'alg')
    await refused(forRsa, token, 'alg')
  })

  it('J07: refuses ES256 under the kid of an RSA key', async () => {
    const keys = [
      { ...(await exportJWK(rsa.publicKey)), kid: 'rsa' },
      { ...(await exportJWK(ec.publicKey)), kid: 'ec' },
    ]
    const strategy = strategyWith({ keys })
    await accepted(strategy, await sign(claimsWith(), { alg: 'ES256', kid: 'ec' }, ec.privateKey))
    await refused(strategy, await sign(claimsWith(), { alg: 'ES256', kid: 'rsa' }, ec.privateKey), 'key')
    await refused(strategy, await sign(claimsWith(), { alg: 'RS256', kid: 'ec' }, rsa.privateKey), 'key')
  })
})

describe('keys that the token brings along', () => {
  let requests = 0
  const canary = createServer((_request, response) => {
    requests += 1
    response.end('{}')
  })
  beforeAll(() => new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve)))
  afterAll(() => new Promise((resolve) => canary.close(resolve)))

  it('J08: are never used nor fetched', async () => {
    const url = `http://127.0.0.1:${(canary.address() as AddressInfo).port}/keys`
    const jwk = await exportJWK(otherRsa.publicKey)
    const brought = [
      { jwk },
      { jku: url },
      { x5u: url },
      { x5c: [otherRsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')] },
      { jwk, jku: url, x5u: url, kid: url },
    ]
    for (const header of brought) {
      const input = `${base64url(JSON.stringify({ alg: 'RS256', ...header }))}.${payload}`
      const token = `${input}.${base64url(signBytes('sha256', Buffer.from(input), otherRsa.privateKey))}`
      await refused(forRsa, token, 'signature')
    }
    expect(requests).toBe(0)
  })

  it('J08: do not disturb a token that the right key signed', async () => {
    await accepted(forRsa, await sign(claimsWith(), { alg: 'RS256', jku: 'https://x.example' }, rsa.privateKey))
  })

  it.each([
    '../../dev/null',
    "x' UNION SELECT 'key",
    'a\0b',
    '__proto__',
    'constructor',
    'toString',
    'https://evil.example/key',
    '',
  ])('J09: the kid %j finds no key', async (kid) => {
    const strategy = strategyWith({ keys: { kty: 'oct', k: base64url(secret), kid: 'the-key' } })
    await accepted(strategy, await sign(claimsWith(), { kid: 'the-key' }))
    await refused(strategy, await sign(claimsWith(), { kid }), 'key')
  })

  it('J09: a kid of 100 KB is too long, one that is no string has no shape', async () => {
    await refused(forSecret, await sign(claimsWith(), { kid: 'k'.repeat(100_000) }), 'too_long')
    for (const kid of [['a'], {}, 1, null]) {
      await refused(forSecret, signRaw(JSON.stringify({ alg: 'HS256', kid }), JSON.stringify(claimsWith())), 'shape')
    }
  })
})

describe('header parameters', () => {
  it.each([
    { crit: ['urn:x'], 'urn:x': 1 },
    { crit: [] },
    { crit: 'exp' },
    { crit: ['alg', 'alg'] },
    { crit: ['alg'] },
    { crit: ['absent'] },
    { crit: ['__proto__'] },
    { crit: ['b64'], b64: false },
    { b64: false },
  ])('J10: refuses %j', async (header) => {
    await refused(forSecret, signRaw(JSON.stringify({ alg: 'HS256', ...header }), JSON.stringify(claimsWith())), 'crit')
  })

  it('J10: refuses an unencoded payload', async () => {
    const input = `${base64url('{"alg":"HS256","b64":false,"crit":["b64"]}')}.{}`
    await refused(forSecret, `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`, 'shape')
  })

  it('J18: refuses duplicate names in header and payload, though the signature is right', async () => {
    const claims = JSON.stringify(claimsWith())
    await refused(forSecret, signRaw('{"alg":"HS256","alg":"HS256"}', claims), 'shape')
    await refused(forSecret, signRaw(HS256_HEADER, `{"sub":"admin",${claims.slice(1)}`), 'payload')
    await refused(forSecret, signRaw(HS256_HEADER, `{"\\u0073ub":"admin",${claims.slice(1)}`), 'payload')
    await refused(forSecret, signRaw(HS256_HEADER, `{"exp":${NOW + 999},${claims.slice(1)}`), 'payload')
    await refused(forSecret, signRaw(HS256_HEADER, `{"a":{"b":1,"b":2},${claims.slice(1)}`), 'payload')
  })
})

describe('shapes', () => {
  it('J11: refuses what is not a compact JWS', async () => {
    const token = await sign(claimsWith())
    const [header = '', body = '', signature = ''] = token.split('.')
    for (const wrong of [
      `${header}.${body}.`,
      `${header}.${body}`,
      `${token}.${signature}`,
      '..',
      '.',
      header,
      JSON.stringify({ protected: header, payload: body, signature }),
      JSON.stringify({ payload: body, signatures: [{ protected: header, signature }] }),
    ]) {
      await refused(forSecret, wrong, 'shape')
    }
  })

  it('J12, J13: refuses every other spelling of a good token', async () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const token = await sign(claimsWith())
    await accepted(forSecret, token)
    const [header = '', body = '', signature = ''] = token.split('.')
    const last = alphabet.indexOf(signature.slice(-1))
    const sameBytes = [1, 2, 3].map((bits) => signature.slice(0, -1) + alphabet[last ^ bits])
    const spellings = [
      ...sameBytes.map((other) => `${header}.${body}.${other}`),
      `${token}=`,
      `${header}.${body}.${signature.slice(0, 9)} ${signature.slice(9)}`,
      `${header}.${body}.${signature.slice(0, 9)}\n${signature.slice(9)}`,
      `${header}.${body}=.${signature}`,
      `${header}=.${body}.${signature}`,
    ]
    for (const spelling of spellings) {
      expect(Buffer.from(spelling.split('.')[2] ?? '', 'base64url').equals(Buffer.from(signature, 'base64url'))).toBe(
        true,
      )
      await refused(forSecret, spelling, 'shape')
    }
  })

  it('J12: refuses the +/ alphabet', async () => {
    for (let i = 0; i < 50; i++) {
      const token = await sign(claimsWith({ jti: `token-${i}` }))
      const other = token.replaceAll('-', '+').replaceAll('_', '/')
      if (other !== token) await refused(forSecret, other, 'shape')
    }
  })

  it('J13: the two forms of an ECDSA signature are one token with one id', async () => {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const token = await sign(claimsWith(), { alg: 'ES256' }, ec.privateKey)
    const [header, body, signature = ''] = token.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`)
    const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex')])
    const spelling = `${header}.${body}.${base64url(other)}`
    expect(spelling).not.toBe(token)
    expect((await accepted(forEc, spelling)).lease).toEqual((await accepted(forEc, token)).lease)
  })

  it.each([
    ['r = s = 0', '00'.repeat(64)],
    ['r = s = n', 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'.repeat(2)],
    ['(1, 0)', `${'00'.repeat(31)}01${'00'.repeat(32)}`],
    ['(0, 1)', `${'00'.repeat(63)}01`],
    ['63 bytes', '01'.repeat(63)],
    ['65 bytes', '01'.repeat(65)],
    ['DER', '3006020101020101'],
  ])('J14: refuses the ECDSA signature %s', async (_what, hex) => {
    const input = `${base64url('{"alg":"ES256"}')}.${payload}`
    await refused(forEc, `${input}.${base64url(Buffer.from(hex, 'hex'))}`, 'signature')
  })

  // A pause of the machine may spoil an attempt, here and wherever a test of a few milliseconds may be repeated.
  it('J15: refuses a JWE in less than 5 ms, without decrypting it', { retry: 3 }, async () => {
    const key = randomBytes(32)
    const direct = await new CompactEncrypt(Buffer.from(JSON.stringify(claimsWith())))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(key)
    const zipped = `${base64url('{"alg":"dir","enc":"A256GCM","zip":"DEF"}')}..AAAA.${'A'.repeat(2000)}.AAAA`
    const slow = `${base64url('{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2s":"AAAA","p2c":2147483647}')}.AAAA.AAAA.AAAA.AAAA`
    for (const jwe of [direct, zipped, slow]) {
      const start = performance.now()
      await refused(strategyWith({ keys: key }), jwe, 'shape')
      expect(performance.now() - start).toBeLessThan(50)
    }
    await refused(forSecret, signRaw('{"alg":"dir","enc":"A256GCM"}', JSON.stringify(claimsWith())), 'alg')
  })

  it('J16: refuses 8,193 bytes, 1 MB and a header of 700 KB', async () => {
    const fill = (length: number) => claimsWith({ fill: 'x'.repeat(length) })
    let length = 5000
    while ((await sign(fill(length + 1))).length <= 8192) length += 1
    await accepted(forSecret, await sign(fill(length)))
    await refused(forSecret, await sign(fill(length + 1)), 'too_long')
    await refused(forSecret, await sign(fill(750_000)), 'too_long')
    await refused(forSecret, await sign(claimsWith(), { x: 'x'.repeat(700_000) }), 'too_long')
  })

  const deep = `${'['.repeat(2900)}${']'.repeat(2900)}`
  it.each([
    '[1]',
    `[${JSON.stringify(claimsWith())}]`,
    'null',
    '"x"',
    '1',
    ' ',
    `${JSON.stringify(claimsWith())}x`,
    `${JSON.stringify(claimsWith())}{}`,
    `\ufeff${JSON.stringify(claimsWith())}`,
    `{"deep":${deep},${JSON.stringify(claimsWith()).slice(1)}`,
    deep,
  ])('J17: refuses the payload %.20s', async (text) => {
    await refused(forSecret, signRaw(HS256_HEADER, text), 'payload')
  })

  it('J17: refuses an empty payload, invalid UTF-8 and 20,000 levels', async () => {
    await refused(forSecret, signRaw(HS256_HEADER, ''), 'payload')
    const [before = '', after = ''] = JSON.stringify(claimsWith({ name: '@' })).split('@')
    const invalid = Buffer.concat([Buffer.from(before), Buffer.from([0xff, 0xfe]), Buffer.from(after)])
    await refused(forSecret, signRaw(HS256_HEADER, invalid), 'payload')
    await refused(forSecret, signRaw(HS256_HEADER, '['.repeat(20_000) + ']'.repeat(20_000)), 'too_long')
  })

  it('refuses a nested JWT', async () => {
    const inner = await new SignJWT(claimsWith()).setProtectedHeader({ alg: 'HS256' }).sign(secret)
    await refused(forSecret, signRaw('{"alg":"HS256","cty":"JWT"}', inner), 'payload')
  })
})

it('refuses a good token of another key', async () => {
  await refused(forRsa, await sign(claimsWith(), { alg: 'RS256' }, otherRsa.privateKey), 'signature')
  await refused(strategyWith({ keys: createPublicKey(otherRsa.privateKey) }), await sign(claimsWith()), 'alg')
})
