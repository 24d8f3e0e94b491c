import fc from 'fast-check'
import { jwtVerify } from 'jose'
import { AuthError } from 'portcullis'
import { handshakeOf } from 'portcullis/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  AUDIENCE,
  accepted,
  claimsWith,
  connectWith,
  ec,
  ed25519,
  HS256_HEADER,
  ISSUER,
  NOW,
  rsa,
  secret,
  sign,
  signRaw,
  strategyWith,
} from '../strategies/jwt-fixtures.ts'
import { anyText, PATIENCE_MS, runs } from './runs.ts'

const BASE64URL = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']

const strategies = {
  HS256: strategyWith(),
  RS256: strategyWith({ keys: rsa.publicKey }),
  ES256: strategyWith({ keys: ec.publicKey, algorithms: ['ES256'] }),
  EdDSA: strategyWith({ keys: ed25519.publicKey }),
}
type Alg = keyof typeof strategies
const tokens = new Map<Alg, string>()

beforeAll(async () => {
  const keys = { HS256: secret, RS256: rsa.privateKey, ES256: ec.privateKey, EdDSA: ed25519.privateKey }
  for (const [alg, key] of Object.entries(keys)) tokens.set(alg as Alg, await sign(claimsWith(), { alg }, key))
})

/** What the strategy makes of a token: the subject, or the code of its refusal. Nothing else may be thrown. */
async function outcome(alg: Alg, token: string): Promise<{ subject: string } | { code: string }> {
  try {
    const found = await strategies[alg].authenticate(handshakeOf(), connectWith(token))
    if (found === null) throw new Error('a token was overlooked')
    return { subject: found.identity.subject }
  } catch (error) {
    if (!AuthError.is(error)) throw error
    return { code: error.code }
  }
}

type Edit = (token: string) => string

/** Characters, segments and bytes: what an attacker can do to a token without the key. */
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(fc.nat(), fc.constantFrom(...BASE64URL, '.', '=', '+', '/', ' ', '\n', '\0', 'é')).map(
    ([at, put]): Edit =>
      (token) => {
        const place = at % token.length
        return token.slice(0, place) + put + token.slice(place + 1)
      },
  ),
  fc.tuple(fc.nat(), fc.nat(5), fc.string({ unit: fc.constantFrom(...BASE64URL, '.'), maxLength: 5 })).map(
    ([at, cut, put]): Edit =>
      (token) => {
        const place = at % (token.length + 1)
        return token.slice(0, place) + put + token.slice(place + cut)
      },
  ),
  // One bit of what a segment decodes to.
  fc.tuple(fc.nat(2), fc.nat(), fc.nat(7)).map(
    ([which, at, bit]): Edit =>
      (token) => {
        const segments = token.split('.')
        const bytes = Buffer.from(segments[which] ?? '', 'base64url')
        if (bytes.length === 0) return token
        const place = at % bytes.length
        bytes[place] = (bytes[place] ?? 0) ^ (1 << bit)
        segments[which] = bytes.toString('base64url')
        return segments.join('.')
      },
  ),
  fc.shuffledSubarray([0, 1, 2], { minLength: 1 }).map(
    (order): Edit =>
      (token) =>
        order.map((i) => token.split('.')[i]).join('.'),
  ),
  fc.constantFrom<Edit>(
    (token) => token.toLowerCase(),
    (token) => `${token}.`,
    (token) => token + token,
    (token) => `${token.slice(0, token.lastIndexOf('.'))}.`,
    (token) => token.replace(/^[^.]*/, Buffer.from('{"alg":"none"}').toString('base64url')),
    (token) => token.replace(/^[^.]*/, Buffer.from('{"alg":"HS256"}').toString('base64url')),
    (token) => encodeURIComponent(`${token} `),
  ),
)

describe('J11, J12: a token', () => {
  it('that differs in anything from one that was signed is refused', { timeout: PATIENCE_MS }, async () => {
    for (const [alg, token] of tokens) await accepted(strategies[alg], token)
    const edits = fc.array(edit, { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom<Alg>('HS256', 'RS256', 'ES256', 'EdDSA'), edits, async (alg, all) => {
        const token = tokens.get(alg) ?? ''
        const edited = all.reduce((text, change) => change(text), token)
        fc.pre(edited !== token)
        expect(await outcome(alg, edited)).toEqual({ code: 'AUTH_CREDENTIAL_INVALID' })
      }),
      runs(600),
    )
  })

  it('of whatever text is refused with AUTH_CREDENTIAL_INVALID, and nothing else is thrown', {
    timeout: PATIENCE_MS,
  }, async () => {
    const segment = fc.oneof(
      fc.uint8Array({ maxLength: 24 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
      fc.json({ maxDepth: 1 }).map((text) => Buffer.from(text).toString('base64url')),
      fc.string({ maxLength: 6 }),
    )
    const text = fc.oneof(
      fc.array(segment, { maxLength: 5 }).map((all) => all.join('.')),
      anyText(),
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom<Alg>('HS256', 'RS256'), text, async (alg, token) => {
        expect(await outcome(alg, token)).toEqual({ code: 'AUTH_CREDENTIAL_INVALID' })
      }),
      runs(300),
    )
  })

  it('of whatever claims is accepted only where jose accepts it, for the same subject', {
    timeout: PATIENCE_MS,
  }, async () => {
    const time = fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: -5, max: 900 }).map((seconds) => NOW + seconds) },
      fc.constantFrom<unknown>(0, -1, 1e300, NOW + 0.5, String(NOW), null, [NOW]),
      fc.jsonValue({ maxDepth: 1 }),
    )
    const odd = fc.jsonValue({ maxDepth: 2 })
    const usual = <T>(value: T, arbitrary: fc.Arbitrary<unknown>) =>
      fc.oneof({ weight: 6, arbitrary: fc.constant<unknown>(value) }, { weight: 1, arbitrary })
    const claims = fc.record(
      {
        iss: usual(ISSUER, odd),
        aud: usual(AUDIENCE, fc.oneof(fc.constantFrom([AUDIENCE], [AUDIENCE, 'b'], ['b'], [], AUDIENCE.slice(1)), odd)),
        sub: usual('user-42', odd),
        exp: usual(NOW + 600, time),
        iat: usual(NOW - 10, time),
        nbf: usual(NOW - 10, time),
        jti: usual('token-1', odd),
        extra: odd,
      },
      { requiredKeys: ['iss', 'aud', 'sub', 'exp'] },
    )
    const header = fc.record(
      {
        alg: fc.constant('HS256'),
        typ: usual('JWT', fc.oneof(fc.constantFrom('at+jwt', 'application/jwt', 'secevent+jwt'), odd)),
        kid: fc.oneof(fc.string(), odd),
        cty: odd,
        crit: fc.constantFrom<unknown>(undefined, undefined, undefined, undefined, ['exp'], []),
      },
      { requiredKeys: ['alg'] },
    )
    let both = 0
    await fc.assert(
      fc.asyncProperty(header, claims, async (given, payload) => {
        const token = signRaw(JSON.stringify(given), JSON.stringify(payload))
        const ours = await outcome('HS256', token)
        if ('code' in ours) return
        const theirs = await jwtVerify(token, secret, {
          issuer: ISSUER,
          audience: AUDIENCE,
          algorithms: ['HS256'],
          currentDate: new Date(NOW * 1000),
          // The default of `leewaySeconds`.
          clockTolerance: 5,
        })
        expect(ours.subject).toBe(theirs.payload.sub)
        both += 1
      }),
      runs(400, {
        examples: [[JSON.parse(HS256_HEADER), claimsWith() as never]],
      }),
    )
    expect(both).toBeGreaterThan(40)
  })
})
