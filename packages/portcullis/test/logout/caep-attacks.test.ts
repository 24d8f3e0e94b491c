/** Security Event Tokens that securityEvents refuses. */

import type { AuthError } from 'portcullis'
import { describe, expect, test } from 'vitest'
import { ec, NOW, otherRsa, rsa, secret, signRaw } from '../strategies/jwt-fixtures.ts'
import {
  CAEP,
  eventClaims,
  eventReceiverWith,
  eventToken,
  expectNoLeak,
  ISSUER,
  logoutToken,
} from './signal-fixtures.ts'

async function refused(token: string, err: string, reason: string, options: object = {}): Promise<void> {
  const { receive, asked, errors } = eventReceiverWith(options)
  const { status, headers, body } = await receive(token)
  expect([status, headers['Cache-Control'], JSON.parse(body).err]).toEqual([400, 'no-store', err])
  expect(Object.keys(JSON.parse(body))).toEqual(['err', 'description'])
  expect(errors).toMatchObject([{ code: 'AUTH_CREDENTIAL_INVALID', reason }])
  expect(asked).toEqual([])
  expectNoLeak([...errors, body], token)
}

const event = (type: string, members: object = {}) => ({ events: { [type]: members } })

describe('M5: refused with 400, and nothing ends', () => {
  const claims: readonly (readonly [string, string, string, object])[] = [
    ['J22: another issuer', 'invalid_issuer', 'issuer', { iss: 'https://evil.example' }],
    ['J23: another audience', 'invalid_audience', 'audience', { aud: 'other' }],
    ['J23: no audience', 'invalid_audience', 'audience', { aud: undefined }],
    ['no iat', 'invalid_request', 'issued_at', { iat: undefined }],
    ['J21: iat ahead', 'invalid_request', 'issued_at', { iat: NOW + 6 }],
    ['iat of more than a week ago', 'invalid_request', 'age', { iat: NOW - 604_806 }],
    ['exp that has passed', 'invalid_request', 'expiry', { exp: NOW - 5 }],
    ['exp that is null', 'invalid_request', 'expiry', { exp: null }],
    ['no jti', 'invalid_request', 'token_id', { jti: undefined }],
    ['no events: an access token', 'invalid_request', 'events', { events: undefined }],
    ['no event', 'invalid_request', 'events', { events: {} }],
    ['an event that is no object', 'invalid_request', 'events', { events: { [`${CAEP}session-revoked`]: null } }],
    [
      'seventeen events',
      'invalid_request',
      'events',
      { events: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`https://e.example/${i}`, {}])) },
    ],
    ['an unknown event', 'invalid_request', 'event_unknown', event('https://example.com/event')],
    ['a known event in another case', 'invalid_request', 'event_unknown', event(`${CAEP}Session-Revoked`)],
    ['an event that every object inherits', 'invalid_request', 'event_unknown', event('constructor')],
    ['no subject', 'invalid_request', 'subject', { sub_id: undefined }],
    ['a subject that is text', 'invalid_request', 'subject', { sub_id: 'user-42' }],
    ['an email address', 'invalid_request', 'subject', { sub_id: { format: 'email', email: 'a@example.com' } }],
    ['a subject without format', 'invalid_request', 'subject', { sub_id: { iss: ISSUER, sub: 'user-42' } }],
    ['an empty sub', 'invalid_request', 'subject', { sub_id: { format: 'iss_sub', iss: ISSUER, sub: '' } }],
    ['a sub that is a number', 'invalid_request', 'subject', { sub_id: { format: 'iss_sub', iss: ISSUER, sub: 42 } }],
    ['an opaque id with NUL', 'invalid_request', 'subject', { sub_id: { format: 'opaque', id: 'a\0' } }],
    ['a complex subject of a device', 'invalid_request', 'subject', { sub_id: { format: 'complex', device: {} } }],
    [
      'eleven aliases',
      'invalid_request',
      'subject',
      { sub_id: { format: 'aliases', identifiers: Array(11).fill({ format: 'opaque', id: 'a' }) } },
    ],
    [
      'K06: a subject of an issuer for which the transmitter does not speak',
      'access_denied',
      'subject_issuer',
      { sub_id: { format: 'iss_sub', iss: 'https://partner.example', sub: 'user-42' } },
    ],
    [
      'K06: a token of such an issuer',
      'access_denied',
      'subject_issuer',
      { sub_id: { format: 'jwt_id', iss: 'https://partner.example', jti: 'j' } },
    ],
    [
      'K06: one such subject among good ones',
      'access_denied',
      'subject_issuer',
      {
        sub_id: {
          format: 'aliases',
          identifiers: [
            { format: 'opaque', id: 'a' },
            { format: 'iss_sub', iss: 'https://partner.example', sub: 'b' },
          ],
        },
      },
    ],
  ]
  test.each(claims)('%s', async (_attack, err, reason, changes) =>
    refused(await eventToken({ ...changes }), err, reason),
  )

  test('J24: typ that is absent, JWT, at+jwt or logout+jwt', async () => {
    for (const typ of [undefined, 'JWT', 'at+jwt', 'logout+jwt']) {
      await refused(await eventToken({}, { typ }), 'invalid_request', 'typ')
    }
    await refused(await logoutToken(), 'invalid_request', 'typ')
  })

  test('J03, J04, J07, J08: a signature that is not good is authentication_failed, in the same words whatever is wrong', async () => {
    const bodies = new Set<string>()
    const pem = Buffer.from(rsa.publicKey.export({ type: 'spki', format: 'pem' }))
    const [header, , signature] = (await eventToken()).split('.')
    const payload = Buffer.from(JSON.stringify(eventClaims({ sub_id: null }))).toString('base64url')
    const none = Buffer.from('{"alg":"none","typ":"secevent+jwt"}').toString('base64url')
    const attacks: readonly (readonly [string, string])[] = [
      ['alg', `${none}.${payload}.AA`],
      ['alg', await eventToken({}, { alg: 'HS256' }, pem)],
      ['alg', await eventToken({}, { alg: 'ES256' }, ec.privateKey)],
      ['alg', await eventToken({}, { alg: 'PS256' })],
      ['signature', await eventToken({}, {}, otherRsa.privateKey)],
      ['signature', `${header}.${payload}.${signature}`],
    ]
    for (const [reason, token] of attacks) {
      await refused(token, 'authentication_failed', reason)
      bodies.add((await eventReceiverWith().receive(token)).body)
    }
    await refused(signRaw('{"alg":"HS256","kid":"b"}', '{}'), 'authentication_failed', 'key', {
      keys: { kty: 'oct', k: secret.toString('base64url'), kid: 'a' },
    })
    const critical = '{"alg":"HS256","typ":"secevent+jwt","crit":["b64"],"b64":true}'
    await refused(signRaw(critical, '{}'), 'authentication_failed', 'crit')
    expect(bodies.size).toBe(1)
  })

  test('J11, J16, J18: what is no strict JWT', async () => {
    const token = await eventToken()
    for (const text of ['', 'a.b', `${token}.x`, ` ${token}`, `{"set":"${token}"}`]) {
      await refused(text, 'invalid_request', 'shape')
    }
    await refused('x'.repeat(9000), 'invalid_request', 'too_long')
    const doubled = JSON.stringify(eventClaims()).replace('{', '{"iss":"x",')
    const raw = signRaw('{"alg":"HS256","typ":"secevent+jwt"}', doubled)
    await refused(raw, 'invalid_request', 'payload', { keys: secret })
    const { receive, errors } = eventReceiverWith()
    for (const body of [undefined, null, {}, [token], Buffer.alloc(70_000, 'a')]) {
      expect((await receive(body as unknown as string)).status).toBe(400)
    }
    expect(errors.map((error) => (error as AuthError).reason)).toEqual(Array(5).fill('request'))
  })
})
