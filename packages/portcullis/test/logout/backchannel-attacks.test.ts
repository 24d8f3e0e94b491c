/** Logout tokens that backchannelLogout refuses. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK } from 'jose'
import type { AuthError } from 'portcullis'
import { describe, expect, test } from 'vitest'
import { onCleanup } from '../harness.ts'
import { ec, NOW, otherRsa, rsa, secret, signRaw } from '../strategies/jwt-fixtures.ts'
import {
  CLIENT_ID,
  expectNoLeak,
  ISSUER,
  LOGOUT,
  logoutClaims,
  logoutReceiverWith,
  logoutToken,
} from './signal-fixtures.ts'

async function refused(token: string, reason: string, options: object = {}): Promise<void> {
  const { post, asked, errors } = logoutReceiverWith(options)
  const { status, headers, body } = await post(token)
  expect([status, headers['Cache-Control'], JSON.parse(body).error]).toEqual([400, 'no-store', 'invalid_request'])
  expect(body).toBe('{"error":"invalid_request","error_description":"The logout token was not accepted."}')
  expect(errors).toMatchObject([{ code: 'AUTH_CREDENTIAL_INVALID', reason }])
  expect(asked).toEqual([])
  expectNoLeak(errors, token)
}

describe('M5: refused with 400, in the same words, and nothing ends', () => {
  const claims: readonly (readonly [string, string, object])[] = [
    ['J22: another issuer', 'issuer', { iss: 'https://evil.example' }],
    ['J22: an issuer with a slash more', 'issuer', { iss: `${ISSUER}/` }],
    ['J22: an array of issuers', 'issuer', { iss: [ISSUER] }],
    ['J23: another client', 'audience', { aud: 'other' }],
    ['J23: no audience', 'audience', { aud: undefined }],
    ['J23: an audience that is an object', 'audience', { aud: { [CLIENT_ID]: 1 } }],
    ['J19: no exp', 'expiry', { exp: undefined }],
    ['J20: expired, leeway included', 'expiry', { exp: NOW - 5 }],
    ['J19: exp as text', 'expiry', { exp: String(NOW + 100) }],
    ['no iat', 'issued_at', { iat: undefined }],
    ['J21: iat ahead', 'issued_at', { iat: NOW + 6 }],
    ['iat older than five minutes and the leeway', 'age', { iat: NOW - 306, exp: NOW + 100 }],
    ['nbf ahead', 'not_before', { nbf: NOW + 6 }],
    ['no jti', 'token_id', { jti: undefined }],
    ['jti that is a number', 'token_id', { jti: 7 }],
    ['no events: an ID token', 'events', { events: undefined }],
    ['events that are a list', 'events', { events: [LOGOUT] }],
    ['events of another kind', 'events', { events: { 'https://example.com/event': {} } }],
    ['the event with a slash more', 'events', { events: { [`${LOGOUT}/`]: {} } }],
    ['the event that is true', 'events', { events: { [LOGOUT]: true } }],
    ['the event that is an array', 'events', { events: { [LOGOUT]: [] } }],
    ['a nonce: an ID token', 'nonce', { nonce: 'n' }],
    ['a nonce that is null', 'nonce', { nonce: null }],
    ['neither sub nor sid', 'subject', { sub: undefined }],
    ['J25: sub that is a number', 'subject', { sub: 42 }],
    ['J25: an empty sub', 'subject', { sub: '' }],
    ['J25: sub with a line feed', 'subject', { sub: 'a\nb' }],
    ['sid that is an object', 'session', { sid: {} }],
    ['sid of 257 characters', 'session', { sid: 's'.repeat(257) }],
  ]
  test.each(claims)('%s', async (_attack, reason, changes) => refused(await logoutToken({ ...changes }), reason))

  const headers: readonly (readonly [string, string, object])[] = [
    ['J24: an access token', 'typ', { typ: 'at+jwt' }],
    ['J24: a Security Event Token', 'typ', { typ: 'secevent+jwt' }],
    ['typ that is a number', 'typ', { typ: 1 }],
    ['J10: crit', 'crit', { crit: ['b64'], b64: true }],
    ['J09: kid that is a list', 'shape', { kid: ['a'] }],
  ]
  test.each(headers)('%s', async (_attack, reason, header) => {
    const signed = await logoutToken()
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const input = `${encode({ alg: 'RS256', typ: 'logout+jwt', ...header })}.${signed.split('.')[1]}`
    const { sign: signBytes } = await import('node:crypto')
    const signature = signBytes('sha256', Buffer.from(input), rsa.privateKey).toString('base64url')
    await refused(`${input}.${signature}`, reason)
  })

  test('J03: alg none, in every spelling', async () => {
    for (const alg of ['none', 'None', 'NONE', 'nOnE', 'none ', '']) {
      const [, payload] = (await logoutToken()).split('.')
      const header = Buffer.from(JSON.stringify({ alg, typ: 'logout+jwt' })).toString('base64url')
      await refused(`${header}.${payload}.AA`, 'alg')
      await refused(`${header}.${payload}.`, 'shape')
    }
  })

  test('J04: HS256 with the public key as the secret', async () => {
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
    await refused(await logoutToken({}, { alg: 'HS256' }, Buffer.from(pem)), 'alg')
  })

  test('another key, also one that the header brings along (J08), and a changed payload', async () => {
    await refused(await logoutToken({}, {}, otherRsa.privateKey), 'signature')
    const jwk = await exportJWK(otherRsa.publicKey)
    await refused(await logoutToken({}, { jwk }, otherRsa.privateKey), 'signature')
    const [header, , signature] = (await logoutToken()).split('.')
    const payload = Buffer.from(JSON.stringify(logoutClaims({ sub: 'victim' }))).toString('base64url')
    await refused(`${header}.${payload}.${signature}`, 'signature')
    await refused(await logoutToken({}, { alg: 'ES256' }, ec.privateKey), 'alg')
  })

  test('J11, J12, J16, J17, J18: what is no strict JWT', async () => {
    const token = await logoutToken()
    for (const spelt of [`${token}=`, ` ${token}`, `${token}\n`, `Bearer ${token}`]) await refused(spelt, 'shape')
    await refused('a.b.c.d.e', 'shape')
    await refused('x'.repeat(9000), 'too_long')
    const header = '{"alg":"HS256","typ":"logout+jwt"}'
    const doubled = JSON.stringify(logoutClaims()).replace('{', '{"sub":"victim",')
    for (const payload of ['[1]', 'null', '', doubled, '\ufeff{}']) {
      await refused(signRaw(header, payload), 'payload', { keys: secret })
    }
  })

  test('two tokens in one form, or none, or one in another shape', async () => {
    const token = await logoutToken()
    const { receiver, asked, errors } = logoutReceiverWith()
    const bodies: unknown[] = [
      `logout_token=${token}&logout_token=${token}`,
      `token=${token}`,
      { logout_token: [token, token] },
      Object.create({ logout_token: token }),
      [token],
      null,
      undefined,
      Buffer.alloc(70_000, 'a'),
      `logout_token=${token}&pad=${'a'.repeat(70_000)}`,
    ]
    for (const body of bodies) expect((await receiver.receive(body as string)).status).toBe(400)
    expect(errors.map((error) => (error as AuthError).reason)).toEqual(bodies.map(() => 'request'))
    expect(asked).toEqual([])
  })

  test('a demanded typ is demanded', async () => {
    await refused(await logoutToken({}, { typ: undefined }), 'typ', { typ: 'logout+jwt' })
    const { post, asked } = logoutReceiverWith({ typ: 'logout+jwt' })
    expect((await post(await logoutToken({}, { typ: 'application/LOGOUT+jwt' }))).status).toBe(200)
    expect(asked).toHaveLength(1)
  })
})

describe('several issuers', () => {
  test('K06, K07: each is verified by its own keys alone, and an unknown one causes no fetch', async () => {
    const fetched: string[] = []
    const keySets = createServer((request, response) => {
      fetched.push(request.url ?? '')
      response.writeHead(500).end()
    })
    await new Promise<void>((resolve) => keySets.listen(0, '127.0.0.1', resolve))
    onCleanup(() => void keySets.close())
    const partner = 'https://partner.example'
    const issuers = {
      [ISSUER]: { keys: rsa.publicKey },
      [partner]: { keys: otherRsa.publicKey, audience: 'their-client' },
      'https://slow.example': { keys: `http://127.0.0.1:${(keySets.address() as AddressInfo).port}/jwks` },
    }
    const options = { issuer: undefined, keys: undefined, issuers }
    await refused(await logoutToken({ iss: partner, aud: 'their-client' }), 'signature', options)
    await refused(await logoutToken({ iss: 'https://evil.example/' }), 'issuer', options)
    expect(fetched).toEqual([])
    const { post, asked } = logoutReceiverWith(options)
    const good = await logoutToken({ iss: partner, aud: 'their-client' }, {}, otherRsa.privateKey)
    expect((await post(good)).status).toBe(200)
    expect(asked).toEqual([{ key: { issuer: partner, subject: 'user-42' }, issuedBefore: NOW }])
  })
})
