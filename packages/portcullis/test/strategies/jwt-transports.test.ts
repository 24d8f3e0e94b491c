/** The attacks on tokens, each through a real server: as a polling request, as a WebSocket upgrade, and in the CONNECT packet. */

import { generateKeyPairSync } from 'node:crypto'
import { CompactEncrypt, exportJWK } from 'jose'
import type { AuthErrorCode } from 'portcullis'
import { allowQuery, fromAuthorization } from 'portcullis/strategies/from'
import { type JwtReason, type JwtStrategy, jwt } from 'portcullis/strategies/jwt'
import { describe, expect, it } from 'vitest'
import { type Harness, outcome, start } from '../harness.ts'
import { AUDIENCE, ec, HS256_HEADER, ISSUER, otherRsa, rsa, secret, sign, signRaw } from './jwt-fixtures.ts'

const PUBLIC = 'https://public.example'
const PROFILED = 'https://profiled.example'
const seconds = Math.floor(Date.now() / 1000)
const base64url = (text: string | Uint8Array) => Buffer.from(text).toString('base64url')

const strategy = (options: object = {}): JwtStrategy =>
  jwt({
    issuers: {
      [ISSUER]: { keys: secret },
      [PUBLIC]: {
        keys: [
          { ...rsaJwk, kid: 'rsa' },
          { ...ecJwk, kid: 'ec' },
        ],
      },
      [PROFILED]: { keys: ed.publicKey, profile: 'at+jwt' },
    },
    audience: AUDIENCE,
    ...options,
  })

type Json = Record<string, unknown>
const ed = generateKeyPairSync('ed25519')
const rsaJwk = await exportJWK(rsa.publicKey)
const ecJwk = await exportJWK(ec.publicKey)
const claims = (changes: Json = {}): Json => ({
  iss: ISSUER,
  aud: AUDIENCE,
  sub: 'user-42',
  iat: seconds - 10,
  exp: seconds + 600,
  ...changes,
})
const text = (changes?: Json) => JSON.stringify(claims(changes))
const asRsa = (changes: Json = {}, header: Json = {}, pair = rsa) =>
  sign(claims({ iss: PUBLIC, ...changes }), { alg: 'RS256', kid: 'rsa', ...header }, pair.privateKey)
const asProfiled = (changes: Json = {}, header: Json = {}) =>
  sign(
    claims({ iss: PROFILED, jti: 't', client_id: 'web', ...changes }),
    { alg: 'EdDSA', typ: 'at+jwt', ...header },
    ed.privateKey,
  )
const withSignature = async (change: (signature: Buffer) => string) => {
  const [header, payload, signature = ''] = (await sign(claims())).split('.')
  return `${header}.${payload}.${change(Buffer.from(signature, 'base64url'))}`
}
const ecSigned = (hex: string) =>
  `${base64url('{"alg":"ES256","kid":"ec"}')}.${base64url(text({ iss: PUBLIC }))}.${base64url(Buffer.from(hex, 'hex'))}`
const pem = rsa.publicKey.export({ format: 'pem', type: 'spki' }) as string

const bad: [string, string, JwtReason, AuthErrorCode?][] = [
  ['J03: alg none with an empty signature', `${base64url('{"alg":"none"}')}.${base64url(text())}.`, 'shape'],
  ['J03: alg None', `${base64url('{"alg":"None"}')}.${base64url(text())}.AA`, 'alg'],
  ['J04: HS256 with the public key as secret', signRaw(HS256_HEADER, text({ iss: PUBLIC }), Buffer.from(pem)), 'alg'],
  ['J05: HS256 with an empty secret', signRaw(HS256_HEADER, text(), Buffer.alloc(0)), 'signature'],
  ['J06: alg null', signRaw('{"alg":null}', text()), 'alg'],
  ['J06: alg __proto__', signRaw('{"alg":"__proto__"}', text()), 'alg'],
  ['J07: PS256 for a key of RS256', await asRsa({}, { alg: 'PS256' }), 'alg'],
  ['J07: RS256 under the kid of an EC key', await asRsa({}, { kid: 'ec' }), 'key'],
  ['J08: a key in the header', await asRsa({}, { jwk: await exportJWK(otherRsa.publicKey) }, otherRsa), 'signature'],
  ['J09: a kid that is a path', await asRsa({}, { kid: '../../dev/null' }), 'key'],
  ['J09: a kid __proto__', await asRsa({}, { kid: '__proto__' }), 'key'],
  ['J10: crit', signRaw('{"alg":"HS256","crit":["exp"]}', text()), 'crit'],
  ['J10: b64', signRaw('{"alg":"HS256","b64":false}', text()), 'crit'],
  ['J11: two segments', `${base64url(HS256_HEADER)}.${base64url(text())}`, 'shape'],
  ['J11: no segment', '..', 'shape'],
  ['J11: Bearer within', `Bearer ${await sign(claims())}`, 'shape'],
  ['J12: padding', `${await sign(claims())}=`, 'shape'],
  [
    'J12: a bit of the signature',
    await withSignature((bytes) => base64url(bytes.map((byte, index) => (index === 31 ? byte ^ 1 : byte)))),
    'signature',
  ],
  ['J14: ECDSA zeros', ecSigned('00'.repeat(64)), 'signature'],
  ['J14: ECDSA as DER', ecSigned('3006020101020101'), 'signature'],
  [
    'J15: a JWE',
    await new CompactEncrypt(Buffer.from(text())).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(secret),
    'shape',
  ],
  ['J16: 8,193 bytes', 'A'.repeat(8193), 'too_long'],
  ['J17: a payload that is an array', signRaw(HS256_HEADER, `[${text()}]`), 'payload'],
  ['J17: an empty payload', signRaw(HS256_HEADER, ''), 'payload'],
  ['J18: sub twice', signRaw(HS256_HEADER, `{"sub":"admin",${text().slice(1)}`), 'payload'],
  ['J18: alg twice', signRaw('{"alg":"none","alg":"HS256"}', text()), 'shape'],
  ['J19: no exp', await sign(claims({ exp: undefined })), 'expiry'],
  ['J19: exp in milliseconds', await sign(claims({ exp: seconds * 1000 })), 'lifetime'],
  ['J20: exp in the past', await sign(claims({ exp: seconds - 60 })), 'expiry', 'AUTH_EXPIRED'],
  ['J20: nbf in the future', await sign(claims({ nbf: seconds + 300 })), 'not_before'],
  ['J21: iat in the future', await sign(claims({ iat: seconds + 3600, exp: seconds + 7200 })), 'issued_at'],
  ['J22: an unknown issuer', await sign(claims({ iss: 'https://evil.example' })), 'issuer'],
  ['J22, K06: another issuer', await sign(claims({ iss: PROFILED })), 'alg'],
  ['J23: another audience', await sign(claims({ aud: 'other' })), 'audience'],
  ['J24: a logout token', await sign(claims(), { typ: 'logout+jwt' }), 'typ'],
  ['J24: a DPoP proof', await asProfiled({}, { typ: 'dpop+jwt' }), 'typ'],
  ['J24: an ID token', await asProfiled({}, { typ: 'JWT' }), 'typ'],
  ['J24: no typ', await asProfiled({}, { typ: undefined }), 'typ'],
  ['J24: no client_id', await asProfiled({ client_id: undefined }), 'client_id'],
  ['J25: sub with a line break', await sign(claims({ sub: 'a\nb' })), 'subject'],
  [
    'J26: sub of __proto__ only',
    signRaw(HS256_HEADER, `{"__proto__":{"sub":"a"},${text({ sub: undefined }).slice(1)}`),
    'subject',
  ],
  ['I14: bound to a key', await sign(claims({ cnf: { jkt: 'x' } })), 'confirmation'],
  ['signed by another key', await asRsa({}, {}, otherRsa), 'signature'],
]
const good: [string, string][] = [
  ['HS256', await sign(claims())],
  ['RS256', await asRsa()],
  ['ES256', await sign(claims({ iss: PUBLIC }), { alg: 'ES256', kid: 'ec' }, ec.privateKey)],
  ['EdDSA in the profile at+jwt', await asProfiled()],
  ['several audiences', await sign(claims({ aud: ['other', AUDIENCE] }))],
]

async function serverWith(...strategies: JwtStrategy[]): Promise<Harness> {
  const limits = { handshakesPerMinute: Number.POSITIVE_INFINITY, failuresPerMinute: Number.POSITIVE_INFINITY }
  const server = await start({ strategies: strategies as never, limits })
  server.auth.protect(server.io.of('/chat'), { events: {} })
  return server
}

const POLLING = '/socket.io/?EIO=4&transport=polling'
const WEBSOCKET = '/socket.io/?EIO=4&transport=websocket'

/** What the last decision was, by the audit log. */
const verdict = ({ audit }: Harness) => {
  const { stage, effect, code, reason } = audit.at(-1) ?? {}
  return { stage, effect, code, reason }
}

describe('J01: the family of attacks on both transports', () => {
  it('each is refused, with its reason in the audit log and nowhere else, and no listener runs', async () => {
    const server = await serverWith(strategy())
    let connections = 0
    server.io.of('/chat').on('connection', () => {
      connections += 1
    })
    for (const [name, token, reason, code = 'AUTH_CREDENTIAL_INVALID'] of bad) {
      const denied = { effect: 'deny', code, reason }
      const headers = { Authorization: `Bearer ${token}` }
      for (const answer of [await server.get(POLLING, headers), await server.upgrade(WEBSOCKET, headers)]) {
        expect([name, answer.status]).toEqual([name, 401])
        expect(JSON.parse(answer.body)).toMatchObject({ code })
        expect(answer.body).not.toContain(reason)
        expect([name, verdict(server)]).toEqual([name, { stage: 'handshake', ...denied }])
      }
      const client = server.client('/chat', { auth: { token } })
      expect([name, await outcome(client)]).toMatchObject([name, { code }])
      expect([name, verdict(server)]).toEqual([name, { stage: 'connect', ...denied }])
      client.disconnect()
    }
    expect(connections).toBe(0)
    expect(server.errors).toEqual([])
    const logged = JSON.stringify(server.audit)
    for (const [, token] of bad) {
      for (const part of token.split('.')) if (part.length > 20) expect(logged.includes(part)).toBe(false)
    }
  })

  it('each good token is accepted', async () => {
    const server = await serverWith(strategy())
    const subjects: unknown[] = []
    server.io.of('/chat').on('connection', (socket) => subjects.push(socket.data.identity.subject))
    for (const [name, token] of good) {
      const headers = { Authorization: `Bearer ${token}` }
      expect([name, (await server.get(POLLING, headers)).status]).toEqual([name, 200])
      expect([name, (await server.upgrade(WEBSOCKET, headers)).status]).toEqual([name, 101])
      for (const presented of [{ auth: { token } }, { extraHeaders: headers }]) {
        const client = server.client('/chat', presented)
        expect([name, await outcome(client)]).toEqual([name, null])
        client.disconnect()
      }
    }
    expect(subjects).toEqual(Array.from({ length: good.length * 2 }, () => 'user-42'))
  })
})

describe('a token in the URL', () => {
  const [, token] = good[0] ?? ['', '']

  it('Q01: is ignored by default: 401 on both transports where nothing else can carry one', async () => {
    const server = await serverWith(strategy({ from: [fromAuthorization()] }))
    for (const answer of [
      await server.get(`${POLLING}&token=${token}`),
      await server.upgrade(`${WEBSOCKET}&token=${token}`),
    ]) {
      expect(answer.status).toBe(401)
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING' })
    }
  })

  it('Q01: is ignored by default: AUTH_CREDENTIAL_MISSING for a namespace', async () => {
    const server = await serverWith(strategy())
    for (const transports of [['polling'], ['websocket']]) {
      const client = server.client('/chat', { query: { token }, transports })
      expect(await outcome(client)).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING' })
    }
  })

  it('Q02: is read with allowQuery', async () => {
    const server = await serverWith(strategy({ from: [allowQuery('token')] }))
    expect((await server.get(`${POLLING}&token=${token}`)).status).toBe(200)
    expect((await server.upgrade(`${WEBSOCKET}&token=${token}`)).status).toBe(101)
  })

  it.each([
    ['twice, the good one first', `token=${token}&token=b`, 'AUTH_CREDENTIAL_INVALID'],
    ['twice, the good one last', `token=a&token=${token}`, 'AUTH_CREDENTIAL_INVALID'],
    ['twice, the same', `token=${token}&token=${token}`, 'AUTH_CREDENTIAL_INVALID'],
    ['twice, once encoded', `token=${token}&%74oken=${token}`, 'AUTH_CREDENTIAL_INVALID'],
    ['empty', 'token=', 'AUTH_CREDENTIAL_INVALID'],
    ['as an array', `token[]=${token}`, 'AUTH_CREDENTIAL_MISSING'],
    ['as an object', `token[__proto__]=${token}`, 'AUTH_CREDENTIAL_MISSING'],
    ['as the prototype', `__proto__[token]=${token}&__proto__=${token}`, 'AUTH_CREDENTIAL_MISSING'],
  ])('Q05: %s is 401 on both transports', async (_how, query, code) => {
    const server = await serverWith(strategy({ from: [allowQuery('token')] }))
    for (const answer of [await server.get(`${POLLING}&${query}`), await server.upgrade(`${WEBSOCKET}&${query}`)]) {
      expect(answer.status).toBe(401)
      expect(JSON.parse(answer.body)).toMatchObject({ code })
    }
    expect(({} as Json).token).toBeUndefined()
  })
})
